"""Reading and writing what lies under `build/`: whole or not at all, with its provenance."""

import glob
import hashlib
import json
import os
import platform
import shutil
import subprocess
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from fraud.errors import UsageError

# The verdict of the gates, in the build folder and inside each bundle that ships.
GATE = "gate.json"

# The packages whose version can change a figure.
VERSIONED = (
    "numpy",
    "pandas",
    "scipy",
    "scikit-learn",
    "imbalanced-learn",
    "lightgbm",
    "xgboost-cpu",
    "catboost",
    "optuna",
    "skl2onnx",
    "onnxmltools",
    "onnx",
    "onnxruntime",
)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`: what is made there is named `path` once the block has succeeded.

    Whatever stood at `path` stays there untouched until then, and for good where the block raises.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffixes stay, since writers such as pandas choose a format by them.
    temporary = path.with_name(f".{os.getpid()}-{uuid.uuid4().hex[:8]}.part.{path.name}")
    _remove_abandoned(path)
    try:
        yield temporary
        if temporary.is_symlink():
            temporary.replace(path)
        elif temporary.is_dir():
            _replace_folder(temporary, path)
        else:
            _flush_to_disk(temporary)
            temporary.replace(path)
    except OSError as error:
        # A write to a full disk does not say which file it was for.
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise
    finally:
        _remove(temporary)


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write `document` as indented JSON; NaN and infinity, which JSON lacks, raise `ValueError`."""
    write_text(path, json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def read_json(path: Path, made_by: str, keys: Collection[str] = ()) -> dict[str, Any]:
    """Read a JSON object that the step `made_by` (such as `make train`) wrote.

    Raises:
        UsageError: the file is missing, is not a JSON object, or lacks one of `keys`.
    """
    return read_json_and_bytes(path, made_by, keys)[0]


def read_json_and_bytes(path: Path, made_by: str, keys: Collection[str] = ()) -> tuple[dict[str, Any], bytes]:
    """`read_json`, and the very bytes that were read."""
    try:
        content = path.read_bytes()
        document = json.loads(content.decode())
    except FileNotFoundError:
        raise UsageError(f"{path} is missing: run `{made_by}` first") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} can't be read ({error}): remove it and run `{made_by}`") from None
    if not isinstance(document, dict):
        raise UsageError(f"{path} holds no JSON object: remove it and run `{made_by}`")
    lacking = [key for key in keys if key not in document]
    if lacking:
        raise UsageError(f"{path} lacks {', '.join(lacking)}: remove it and run `{made_by}`")
    return document, content


def verdict_on(bundle: Path) -> Path:
    """Where the verdict on a bundle lies, if there is one: inside its folder, else beside that."""
    inside = bundle / GATE
    return inside if os.path.lexists(inside) else bundle.parent / GATE


def scores(build: Path, digest: str) -> Path:
    """Where `scores.parquet` lies, sure to be the one of this digest, as `metrics.json` names it.

    Raises:
        UsageError: it is missing, or another one.
    """
    path = build / "scores.parquet"
    if not path.is_file() or sha256(path) != digest:
        raise UsageError(f"{path} is not the one that metrics.json was made with: remove it and run `make evaluate`")
    return path


def sha256(path: Path) -> str:
    """The SHA-256 digest of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def state(path: Path) -> tuple[int, int, int] | None:
    """What differs once a file has been replaced or written to, without reading it; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def runs(process: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.kill(process, 0)  # sends nothing
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's, but there
    return True


def provenance(settings: Mapping[str, Any], data: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What an artefact stands on: data, settings, package versions, git revision, platform and date.

    Args:
        settings: `Settings.recorded()`.
        data: the record that the data step wrote, `build/data.json`.
    """
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": dict(data) if data is not None else None,
        "settings": dict(settings),
        "packages": versions(),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "revision": _revision(),
    }


def versions() -> dict[str, str | None]:
    """The version of each package of `VERSIONED`; `None` where it is not installed."""
    return {name: _version(name) for name in VERSIONED}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _revision() -> str | None:
    """The git revision of this source, with `+` behind it where the work tree differs; `None` outside a checkout."""
    here = Path(__file__).parent
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"],
            cwd=here,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def _flush_to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _replace_folder(temporary: Path, path: Path) -> None:
    """A folder can't be renamed onto a full one: the old one steps aside first, and is gone only after."""
    aside = temporary.with_name(temporary.name + ".old")
    if os.path.lexists(path):
        path.rename(aside)
    temporary.rename(path)
    _remove(aside)


def _remove_abandoned(path: Path) -> None:
    """Remove what killed processes left beside `path`; their names begin with the number of the process."""
    for left in path.parent.glob(f".*-*.part.{glob.escape(path.name)}*"):
        process = left.name[1:].partition("-")[0]
        if process.isdecimal() and not runs(int(process)):
            _remove(left)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
