"""The folder that the workers of a server share. It goes with the server or, where that was killed, before the next."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

_PREFIX = "fraud-serve-"
_LOCK = "running"


@contextmanager
def made() -> Iterator[Path]:
    """A new folder, as long as the block lasts; what servers left that were killed is removed.

    It may be removed once this very process is gone: not before, and no matter which of its workers still live.
    """
    place = _place()
    _remove_abandoned(place)
    with ExitStack() as after, tempfile.TemporaryDirectory(prefix=_PREFIX, dir=place) as name:
        folder = Path(name)
        new = folder / f"{_LOCK}.new"
        lock = after.enter_context(new.open("wb"))
        # Not `flock`, whose lock the workers would inherit.
        fcntl.lockf(lock, fcntl.LOCK_EX)
        # Who finds it so named finds it locked.
        new.rename(folder / _LOCK)
        yield folder


def _place() -> Path:
    """Where files are memory, if there is such a place: each count is written to one."""
    memory = Path("/dev/shm")  # noqa: S108, only to make a folder of our own in it
    return memory if memory.is_dir() and os.access(memory, os.W_OK) else Path(tempfile.gettempdir())


def _remove_abandoned(place: Path) -> None:
    for folder in place.glob(f"{_PREFIX}*"):
        # Its server runs or just begins, another one removes it, or it is somebody else's.
        with suppress(OSError), (folder / _LOCK).open("r+b") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
