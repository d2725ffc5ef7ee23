"""From a file of transactions to a data frame: as written, or refused with the row, the column and the mend."""

import csv
import gzip
import io
import re
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from fraud import schema
from fraud.errors import UsageError

ROW_CONVENTION = "rows are counted as a spreadsheet shows them: 1 is the header, 2 the first transaction"

_HEADER_BYTES = 65_536
_OTHER_DELIMITERS = (";", "\t", "|")
# A parser would drop the mark and read `"3"4` as 34.
_STRAY_QUOTE = re.compile(rb'[^,\r\n"]"[^,\r\n"]')
_SHOWN = 3


def load(path: Path) -> pd.DataFrame:
    """Read a labelled data set: `schema.COLUMNS` in their order, features as finite float64, `Class` as int8 0 or 1.

    The ranges of the schema are not judged here but by the checks on the data.

    Raises:
        UsageError: the file can't be read, a column is missing, unknown or out of order, or a cell is not what its
            column holds; names the first row and column.
    """
    table = read_table(path)
    names = tuple(table.columns)
    if names != schema.COLUMNS:
        raise UsageError(f"{path}: {_wrong_columns(names)}; run `make validate` for all of them")
    columns = {name: numbers(table[name]) for name in names}
    usable = {
        name: column.isin((0, 1)) if name == schema.LABEL.name else np.isfinite(column)
        for name, column in columns.items()
    }
    bad = {name: int(np.argmin(good)) for name, good in usable.items() if not good.all()}
    if bad:
        name = min(bad, key=lambda name: bad[name])
        wanted = "0 or 1" if name == schema.LABEL.name else "a finite number"
        cell = shown(table[name].iloc[bad[name]])
        raise UsageError(
            f"{path}, row {row_number(bad[name])}, column {name}: {cell} is not {wanted}; "
            "run `make validate` for all of them"
        )
    return pd.DataFrame(columns).astype({schema.LABEL.name: "int8"})


def read_table(path: Path) -> pd.DataFrame:
    """Read `.csv`, `.csv.gz` or `.parquet` as written: columns of the schema as numbers, all others untouched.

    A column of the schema with a cell that is no number stays text as a whole, so that the checks can name the cell.
    Other columns of a CSV file are text, so that `007` stays `007`. An empty cell is null. The index counts from 0.
    Decimal fractions are rounded to the nearest float64, as Python's `float` does.

    Raises:
        UsageError: the file can't be read, or not without guessing; names what to mend.
    """
    name = path.name.lower()
    try:
        if name.endswith(".parquet"):
            return _read_parquet(path)
        if name.endswith(".csv.gz"):
            return _read_csv(path, gzip.decompress(path.read_bytes()))
        if name.endswith(".csv"):
            return _read_csv(path, path.read_bytes())
    except EOFError:
        raise UsageError(
            f"{path} is cut short: the end of its gzip stream is missing; copy or fetch it again"
        ) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise UsageError(f"{path} is not a sound gzip file ({error}): compress or fetch it again") from None
    except OSError as error:
        raise UsageError(
            f"{path} can't be read: {error.strerror or error}; name a file that this user may read"
        ) from None
    raise UsageError(f"{path}: its name must end in .csv, .csv.gz or .parquet")


def numbers(column: "pd.Series[Any]") -> "pd.Series[float]":
    """The cells of a column that `read_table` returned as float64; NaN where a cell is empty or no number."""
    if pd.api.types.is_bool_dtype(column) or not (
        pd.api.types.is_numeric_dtype(column) or pd.api.types.is_string_dtype(column)
    ):
        return pd.Series(np.nan, index=column.index, name=column.name)
    return pd.to_numeric(column, errors="coerce").astype("float64")


def row_number(position: int) -> int:
    """The number of a row as a person counts it (`ROW_CONVENTION`), from its position in the frame."""
    return position + 2


def shown(cell: object) -> str:
    """A cell as a message shows it: text in quotes, numbers bare, an empty cell by name."""
    if pd.isna(cell):  # type: ignore[call-overload]
        return "an empty cell"
    return repr(cell) if isinstance(cell, str) else str(cell)


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        with pyarrow.parquet.ParquetFile(path, memory_map=True) as file:
            _refuse_names(path, file.schema_arrow.names)
            table = file.read(use_threads=False)
    except pa.ArrowException as error:
        raise UsageError(
            f"{path} is not a sound Parquet file ({_first_line(error)}): write or fetch it again"
        ) from None
    return _frame(table)


def _read_csv(path: Path, data: bytes) -> pd.DataFrame:
    _refuse_foreign(path, data)
    reader = csv.reader(io.StringIO(data[:_HEADER_BYTES].decode("utf-8-sig", errors="replace"), newline=""))
    names = next((cells for cells in reader if cells), [])
    _refuse_names(path, names)

    text = [name for name in names if name not in schema.COLUMNS]
    table = _parse(path, data, text)
    mixed = [field.name for field in table.schema if field.name not in text and not _is_number(field.type)]
    if mixed:
        table = _parse(path, data, text + mixed)
    return _frame(table)


def _frame(table: pa.Table) -> pd.DataFrame:
    """The table as a frame; columns of the schema whose cells are all numbers or empty are numeric in it."""
    for i, field in enumerate(table.schema):
        if field.name in schema.COLUMNS and (pa.types.is_decimal(field.type) or pa.types.is_null(field.type)):
            table = table.set_column(i, field.name, table.column(i).cast(pa.float64()))
    # An index that pandas once wrote is a column like any other.
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    for name in frame.columns.intersection(list(schema.COLUMNS)):
        column = frame[name]
        if not pd.api.types.is_numeric_dtype(column) and (numbers(column).notna() | column.isna()).all():
            frame[name] = numbers(column)
    return frame


def _refuse_foreign(path: Path, data: bytes) -> None:
    """Refuse what is not the text of a whole CSV file."""
    if data.startswith(b"\x1f\x8b"):
        raise UsageError(f"{path} is compressed with gzip: name it .csv.gz")
    if data.startswith(b"PAR1"):
        raise UsageError(f"{path} is a Parquet file: name it .parquet")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UsageError(f"{path} is UTF-16 text: save it as UTF-8")
    nul = data.find(b"\0")
    if nul >= 0:
        row = data.count(b"\n", 0, nul) + 1
        raise UsageError(
            f"{path}, row {row}: a NUL byte; the file is damaged or not UTF-8 text, save or fetch it again"
        )
    marks = data.count(b'"')
    if marks % 2:
        raise UsageError(f"{path}: a quotation mark is opened and never closed; the file is cut short, or close it")
    stray = _STRAY_QUOTE.search(data) if marks else None
    if stray:
        row = data.count(b"\n", 0, stray.start() + 1) + 1
        raise UsageError(f"{path}, row {row}: a quotation mark inside a cell; quote the whole cell and double the mark")


def _refuse_names(path: Path, names: list[str]) -> None:
    """Refuse a header that is none, or from which pandas could only guess."""
    if not any(name.strip() for name in names):
        raise UsageError(f"{path} is empty or has no header: it needs a header and transactions")
    if any("\N{REPLACEMENT CHARACTER}" in name for name in names):
        raise UsageError(f"{path}: the header is not UTF-8 text; save the file as UTF-8")
    if len(names) == 1 and any(delimiter in names[0] for delimiter in _OTHER_DELIMITERS):
        delimiter = max(_OTHER_DELIMITERS, key=names[0].count)
        raise UsageError(
            f"{path}: the header is delimited by {delimiter!r}; write the file with commas and decimal points"
        )
    doubled = [name for name, count in Counter(names).items() if count > 1 and name]
    if doubled:
        raise UsageError(f"{path}: the header names column {doubled[0]} more than once; rename or remove one of them")
    if not all(name.strip() for name in names):
        position = next(i for i, name in enumerate(names, start=1) if not name.strip())
        raise UsageError(f"{path}: column {position} of the header has no name; name or remove it")
    if numbers(pd.Series(names)).notna().all():
        raise UsageError(f"{path}: row 1 holds numbers; put a header with the names of the columns above them")


def _parse(path: Path, data: bytes, text: list[str]) -> pa.Table:
    ragged: list[pyarrow.csv.InvalidRow] = []

    def note(row: pyarrow.csv.InvalidRow) -> str:
        ragged.append(row)
        return "skip"

    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(data),
            # Rows are numbered on one thread only.
            read_options=pyarrow.csv.ReadOptions(use_threads=False),
            parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(text, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as error:
        mend = "save it as UTF-8" if "UTF8" in str(error) else "write it as UTF-8 text with commas and one header"
        raise UsageError(f"{path} can't be read as CSV ({_first_line(error)}): {mend}") from None
    if ragged:
        raise UsageError(f"{path}: {_wrong_widths(ragged)}")
    return table


def _wrong_widths(ragged: list["pyarrow.csv.InvalidRow"]) -> str:
    rows = ", ".join(f"row {row.number} has {row.actual_columns}" for row in ragged[:_SHOWN])
    more = f" ({len(ragged)} such rows)" if len(ragged) > _SHOWN else ""
    mend = (
        "the file is cut short or cells are missing"
        if ragged[0].actual_columns < ragged[0].expected_columns
        else "write decimal points, not commas, and put text with commas in quotes"
    )
    return f"{rows} fields, the header {ragged[0].expected_columns}{more}; {mend}"


def _wrong_columns(names: tuple[str, ...]) -> str:
    missing = [name for name in schema.COLUMNS if name not in names]
    unknown = [name for name in names if name not in schema.COLUMNS]
    if missing:
        return f"column {missing[0]} is missing"
    if unknown:
        return f"column {unknown[0]} is unknown"
    found, wanted = next((a, b) for a, b in zip(names, schema.COLUMNS, strict=True) if a != b)
    return f"column {found} stands where {wanted} belongs"


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind))


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".")
