"""The data step: decides which data a run stands on, records it in `build/data.json`, and hands it to later steps."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from fraud import artefacts, schema
from fraud.dataset import twin
from fraud.dataset.fetch import fetch
from fraud.dataset.load import load, numbers, read_table
from fraud.dataset.published import differences
from fraud.errors import UsageError
from fraud.settings import Settings
from fraud.terminal import say

STATISTICS = Path(__file__).resolve().parents[2] / "data" / "twin.json"

RECORD = "data.json"
TWIN = "twin.parquet"

_STEP = "make data"
# In the metadata of a parquet file: what the twin in it was drawn from.
_MARK = b"synthetic twin"

_DEFAULT = Settings.model_fields["data"].default


def run(settings: Settings) -> dict[str, Any]:
    """Settle on the data and write their record; returns it.

    A file that was named is used, or refused. Without one it is the genuine data, from a mirror where need be, or the
    synthetic twin, as `settings.data_source` says.

    Raises:
        UsageError: the named file is missing or is no table, or the genuine data were asked for and can't be had.
    """
    path = _settle(settings)
    # As written: what is wrong with the rows is for the checks on the data to say, all of it at once.
    record = _record(path, read_table(path))
    if record["source"] == "twin" and settings.data_source == "real":
        raise UsageError(f"{path} is the synthetic twin, and DATA_SOURCE=real asks for genuine data: name another DATA")
    artefacts.write_json(settings.build / RECORD, record)
    say(f"data: {path}, {record['rows']:,} rows, {record['frauds']:,} frauds, {_meaning(record)}")
    return record


def opened(settings: Settings) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The data that `run` settled on: 31 columns as `load` returns them, and their record.

    Raises:
        UsageError: as `recorded`, or the file is no such data.
    """
    record = recorded(settings)
    if record["source"] == "twin":
        say(f"data: {_meaning(record)}")
    return load(Path(record["path"])), record


def recorded(settings: Settings) -> dict[str, Any]:
    """The record that `run` wrote, whose file is the one that lies there now.

    Raises:
        UsageError: there is no record, it is that of another DATA, or the file has changed since.
    """
    record = artefacts.read_json(settings.build / RECORD, _STEP)
    path = Path(record["path"])
    if settings.data not in (_DEFAULT, path):
        raise UsageError(f"{settings.build / RECORD} is about {path}, not about {settings.data}: run `{_STEP}` again")
    if not path.is_file() or artefacts.sha256(path) != record["digest"]:
        raise UsageError(f"{path} has changed since `{_STEP}`: run it again")
    return record


def _settle(settings: Settings) -> Path:
    path = settings.data
    if path != _DEFAULT:
        if not path.exists():
            raise UsageError(f"DATA={path} is missing: name a .csv, .csv.gz or .parquet file that is there")
        return path
    if settings.data_source == "twin":
        return _twin(settings)
    if path.exists():
        return path
    try:
        fetch(path)
        return path
    except UsageError as error:
        if settings.data_source == "real":
            raise UsageError(f"{error}: put the file at {path}, or let DATA name it") from None
        say(f"{error}: going on with the synthetic twin instead")
        return _twin(settings)


def _twin(settings: Settings) -> Path:
    """Draw the twin, unless the very same one lies there."""
    path = settings.build / TWIN
    if not STATISTICS.is_file():
        raise UsageError(f"{STATISTICS} is missing: restore it, or make it with `python -m fraud twin fit DATA`")
    mark = {
        "statistics": artefacts.sha256(STATISTICS),
        "rows": settings.twin_rows,
        "frauds": settings.twin_frauds,
        "seed": settings.seed,
        "drawn by": f"{_digest_of_twin()} with numpy {np.__version__}",
    }
    if _mark(path) == mark:
        return path
    frame = twin.draw(twin.load(STATISTICS), settings.twin_rows, settings.twin_frauds, settings.seed)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), _MARK: json.dumps(mark)})
    with artefacts.replacing(path) as temporary:
        parquet.write_table(table, temporary)
    return path


def _digest_of_twin() -> str:
    """Of the program text that draws it, so that a twin drawn by an older one is not taken for the present one's."""
    texts = sorted(Path(__file__).parent.glob("twin*.py"))
    return hashlib.sha256(b"".join(text.read_bytes() for text in texts)).hexdigest()[:12]


def _mark(path: Path) -> dict[str, Any] | None:
    """The mark of the twin in a parquet file; `None` where there is no such file, or anything else in it."""
    try:
        metadata = parquet.read_schema(path).metadata or {}
    except (OSError, pa.ArrowInvalid):
        return None
    return json.loads(metadata[_MARK]) if _MARK in metadata else None


def _record(path: Path, table: pd.DataFrame) -> dict[str, Any]:
    mark = _mark(path)
    published = tuple(table.columns) == schema.COLUMNS and not differences(table.apply(numbers))
    label = numbers(table[schema.LABEL.name]) if schema.LABEL.name in table else pd.Series(dtype=float)
    return {
        "path": path.as_posix(),
        "source": "twin" if mark is not None else "published" if published else "own",
        "digest": artefacts.sha256(path),
        "rows": len(table),
        "frauds": int((label == 1).sum()),
        "bytes": path.stat().st_size,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        **({"twin": mark} if mark is not None else {}),
    }


def _meaning(record: dict[str, Any]) -> str:
    return {
        "published": "the published data set",
        "own": "your own",
        "twin": "SYNTHETIC: a twin drawn from statistics of genuine transactions, no transaction in it ever happened",
    }[record["source"]]
