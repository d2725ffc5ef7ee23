"""Room for what a worker counts, before it counts."""

import os
import sys
from pathlib import Path

# Each label that is seen takes some 200 bytes, and a duration 16 times as many: three times what all routes can take.
_BYTES = 256 * 1024


def reserve(folder: Path) -> Path | None:
    """Reserve this process's files in `folder`, and tell prometheus_client of them, which must not be imported yet.

    It maps a file that it enlarged without writing to it: where the disk is full by then, the first count of a kind
    would kill the process.

    Returns:
        The folder, or None where it has no room: the process then counts for itself alone.
    """
    try:
        for kind in ("counter", "gauge_livesum", "histogram"):
            _allocate(folder / f"{kind}_{os.getpid()}.db")
    except OSError as error:
        print(f"error: {folder}: {error.strerror}; a worker counts for itself alone", file=sys.stderr, flush=True)
        return None
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    return folder


def _allocate(path: Path) -> None:
    # Other workers read all files that are named so, at any time.
    fresh = path.with_suffix(".new")
    try:
        with fresh.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, _BYTES)
        fresh.rename(path)
    finally:
        fresh.unlink(missing_ok=True)
