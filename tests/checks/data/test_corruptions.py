"""One test over many corruptions of a valid file: each is read as the same data, or refused by a message that helps."""

import gzip
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from checks.data import contract
from checks.data.run import judge
from checks.thresholds import DataLimits
from fraud.dataset.load import load, read_table
from fraud.errors import UsageError

Corruption = Callable[[pd.DataFrame, Path], Path]

NOBODY = 65_534


def of_frame(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Corruption:
    """A corruption of the cells or columns, written as CSV."""

    def write(frame: pd.DataFrame, folder: Path) -> Path:
        path = folder / "data.csv"
        change(frame).to_csv(path, index=False)
        return path

    return write


def of_text(change: Callable[[str], str | bytes], name: str = "data.csv") -> Corruption:
    """A corruption of the text of a CSV file."""

    def write(frame: pd.DataFrame, folder: Path) -> Path:
        changed = change(frame.to_csv(index=False))
        path = folder / name
        path.write_bytes(changed if isinstance(changed, bytes) else changed.encode())
        return path

    return write


def of_parquet(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Corruption:
    def write(frame: pd.DataFrame, folder: Path) -> Path:
        path = folder / "data.parquet"
        change(frame).to_parquet(path)
        return path

    return write


def cell(row: int, column: str, value: object) -> Corruption:
    """One other cell; `row` counts from 0."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.astype(object)
        frame.loc[row, column] = value
        return frame

    return of_frame(change)


def doubled(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame, frame[["V1"]]], axis=1)


def doubled_parquet(frame: pd.DataFrame, folder: Path) -> Path:
    import pyarrow as pa
    from pyarrow import parquet

    path = folder / "data.parquet"
    table = pa.Table.from_pandas(frame)
    parquet.write_table(table.append_column("V1", table.column("V1")), path)
    return path


def on_line(number: int, change: Callable[[str], str]) -> Corruption:
    """Another line; `number` counts as a person does, the header being 1."""

    def changed(text: str) -> str:
        lines = text.split("\n")
        lines[number - 1] = change(lines[number - 1])
        return "\n".join(lines)

    return of_text(changed)


def a_folder(frame: pd.DataFrame, folder: Path) -> Path:
    path = folder / "data.csv"
    path.mkdir()
    return path


def cut_parquet(frame: pd.DataFrame, folder: Path) -> Path:
    path = folder / "data.parquet"
    frame.to_parquet(path)
    path.write_bytes(path.read_bytes()[:-100])
    return path


def quote_every_cell(text: str) -> str:
    return "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines())


SAME: tuple[str, ...] = ()

CORRUPTIONS: dict[str, tuple[Corruption, tuple[str, ...]]] = {
    # Other spellings of the same data.
    "byte order mark": (of_text(lambda text: text.encode("utf-8-sig")), SAME),
    "CRLF": (of_text(lambda text: text.replace("\n", "\r\n")), SAME),
    "quoted numbers": (of_text(quote_every_cell), SAME),
    "no newline at the end": (of_text(str.rstrip), SAME),
    "blank lines at the end": (of_text(lambda text: text + "\n\n"), SAME),
    "spaces around numbers": (of_text(lambda text: text.replace("\n0", "\n 0")), SAME),
    "labels with a decimal point": (of_frame(lambda frame: frame.astype({"Class": float})), SAME),
    "gzip": (of_text(lambda text: gzip.compress(text.encode()), "data.csv.gz"), SAME),
    "parquet with narrow whole numbers": (of_parquet(lambda frame: frame.astype({"Time": "uint32"})), SAME),
    "parquet with categories": (of_parquet(lambda frame: frame.astype({"Class": "category"})), SAME),
    "parquet with text of numbers": (of_parquet(lambda frame: frame.astype({"V7": str})), SAME),
    "parquet with categories of text": (
        of_parquet(lambda frame: frame.assign(V7=frame.V7.astype(str).astype("category"))),
        SAME,
    ),
    # The columns.
    "missing column": (of_frame(lambda frame: frame.drop(columns="V7")), ("V7", "add this column")),
    "missing label": (of_frame(lambda frame: frame.drop(columns="Class")), ("Class", "add this column")),
    "extra column": (of_frame(lambda frame: frame.assign(country="BE")), ("country", "remove this column")),
    "index written as a column": (
        of_text(lambda text: text.replace("Time", ",Time", 1).replace("\n", "\n0,")),
        ("no name",),
    ),
    "renamed column": (of_frame(lambda frame: frame.rename(columns={"V7": "v7"})), ("v7", "remove", "V7", "add")),
    "reordered columns": (of_frame(lambda frame: frame[frame.columns[::-1]]), ("Class", "move", "number 31 of 31")),
    "doubled column": (of_frame(doubled), ("V1", "more than once", "rename or remove")),
    "doubled column in parquet": (doubled_parquet, ("V1", "more than once", "rename or remove")),
    "no header": (of_text(lambda text: text.split("\n", 1)[1]), ("row 1", "header")),
    "wrong delimiter": (of_text(lambda text: text.replace(",", ";")), ("';'", "commas")),
    "tabs": (of_text(lambda text: text.replace(",", "\t")), ("'\\t'", "commas")),
    "decimal commas": (of_text(lambda text: text.replace(".", ",")), ("row 2", "decimal points")),
    "decimal commas and semicolons": (
        of_text(lambda text: text.replace(",", ";").replace(".", ",")),
        ("';'", "decimal points"),
    ),
    "quoted decimal commas": (
        cell(3, "Amount", "149,62"),
        ("Amount", "(5,)", "149,62", "decimal point"),
    ),
    # The cells.
    "null": (cell(3, "V7", None), ("V7 null", "(5,)", "fill in")),
    "empty string": (of_text(lambda text: text.replace(",0\n", ',""\n', 1)), ("Class null", "fill in")),
    "NaN": (cell(3, "V7", "NaN"), ("V7 null", "(5,)", "fill in")),
    "null by name": (cell(3, "V7", "NULL"), ("V7 number", "(5,)", "'NULL'")),
    "text": (cell(3, "V7", "abc"), ("V7 number", "(5,)", "'abc'", "write a number")),
    "a truth": (of_frame(lambda frame: frame.assign(Class=frame.Class == 1)), ("Class number", "'False'")),
    "a date": (of_frame(lambda frame: frame.assign(Time="2013-09-01")), ("Time number", "'2013-09-01'")),
    "thousands": (cell(3, "Amount", "1 234.50"), ("Amount number", "(5,)", "'1 234.50'")),
    "inf": (cell(3, "V7", np.inf), ("V7 finite", "(5,)", "inf")),
    "minus infinity by name": (cell(3, "V7", "-Infinity"), ("V7 finite", "(5,)", "-inf")),
    "1e999": (cell(3, "V7", "1e999"), ("V7 finite", "(5,)", "inf")),
    "negative amount": (cell(3, "Amount", -1.5), ("Amount range", "(5,)", "-1.5", "at least 0")),
    "negative time": (cell(0, "Time", -1), ("Time range", "(2,)", "-1", "at least 0")),
    "Class 2": (cell(3, "Class", 2), ("Class label", "(5,)", "write 1 for a fraud")),
    "Class 0.5": (cell(3, "Class", 0.5), ("Class label", "(5,)", "0.5", "write 1 for a fraud")),
    "Class empty": (cell(3, "Class", None), ("Class null", "(5,)")),
    "no fraud": (of_frame(lambda frame: frame[frame.Class == 0]), ("Class classes", "both classes")),
    "frauds only": (of_frame(lambda frame: frame[frame.Class == 1]), ("Class classes", "both classes")),
    "parquet with text": (of_parquet(lambda frame: frame.assign(V7=frame.V7.astype(str) + "x")), ("V7 number",)),
    "parquet with truths": (of_parquet(lambda frame: frame.assign(Class=frame.Class == 1)), ("Class number",)),
    "parquet with times": (of_parquet(lambda frame: frame.assign(Time=pd.Timestamp(0))), ("Time number", "1970")),
    # The file.
    "header only": (of_frame(lambda frame: frame.head(0)), ("rows", "the file holds none")),
    "empty file": (of_text(lambda text: ""), ("is empty", "it needs a header")),
    "blank file": (of_text(lambda text: "\n \n"), ("is empty", "it needs a header")),
    "no such file": (lambda frame, folder: folder / "data.csv", ("No such file",)),
    "a folder": (a_folder, ("directory",)),
    "another kind of file": (of_text(lambda text: text, "data.xlsx"), ("must end in .csv",)),
    "a picture": (of_text(lambda text: b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), ("NUL byte", "UTF-8")),
    "JSON": (of_text(lambda text: '{"Time": 0, "V1": 1}\n'), ("row 1", "quotation mark")),
    "truncated in mid-row": (of_text(lambda text: text[: text[:-40].rindex(",") - 1]), ("row 401", "cut short")),
    "truncated in a quoted cell": (of_text(lambda text: quote_every_cell(text)[:-1]), ("quotation mark", "cut short")),
    "quotation mark in a number": (on_line(9, lambda line: '"1"' + line), ("row 9", "quotation mark", "quote")),
    "short row": (on_line(9, lambda line: line.rsplit(",", 2)[0]), ("row 9 has 29", "the header 31")),
    "long row": (on_line(9, lambda line: line + ",1"), ("row 9 has 32", "the header 31")),
    "all rows longer than the header": (
        of_text(lambda text: text.replace("\n", ",1\n").replace(",1\n", "\n", 1)),
        ("row 2 has 32", "the header 31"),
    ),
    "two headers": (on_line(9, lambda line: "Time,V1,V2"), ("row 9 has 3",)),
    "header in mid-file": (
        of_text(lambda text: text + text.split("\n", 1)[0] + "\n"),
        ("Time number", "(402,)", "'Time'"),
    ),
    "UTF-16": (of_text(lambda text: text.encode("utf-16")), ("UTF-16", "save it as UTF-8")),
    "UTF-16 without its mark": (of_text(lambda text: text.encode("utf-16-le")), ("NUL byte", "UTF-8")),
    "Latin-1": (
        of_text(lambda text: text.replace("Time", "Zeitstempel é", 1).encode("latin-1")),
        ("header is not UTF-8", "save"),
    ),
    "Latin-1 in a cell": (
        of_text(lambda text: text.replace("\n", "\n\xe9", 1).encode("latin-1")),
        ("UTF-8",),
    ),
    "NUL bytes": (on_line(7, lambda line: line[:5] + "\0\0" + line[5:]), ("row 7", "NUL byte")),
    "gzip cut short": (
        of_text(lambda text: gzip.compress(text.encode())[:-2_000], "data.csv.gz"),
        ("cut short", "again"),
    ),
    "gzip damaged": (
        of_text(lambda text: gzip.compress(text.encode())[:-8] + bytes(8), "data.csv.gz"),
        ("not a sound gzip file", "again"),
    ),
    "not gzip": (of_text(lambda text: text, "data.csv.gz"), ("not a sound gzip file",)),
    "gzip under another name": (of_text(lambda text: gzip.compress(text.encode())), ("name it .csv.gz",)),
    "parquet cut short": (cut_parquet, ("not a sound Parquet file", "again")),
    "CSV as parquet": (of_text(lambda text: text, "data.parquet"), ("not a sound Parquet file",)),
    "parquet as CSV": (
        lambda frame, folder: of_parquet(lambda f: f)(frame, folder).rename(folder / "data.csv"),
        (".parquet",),
    ),
}


@pytest.mark.parametrize(("corrupt", "words"), CORRUPTIONS.values(), ids=CORRUPTIONS.keys())
def test_a_corruption_is_read_as_the_same_data_or_refused_with_what_to_mend(
    transactions: pd.DataFrame, tmp_path: Path, corrupt: Corruption, words: tuple[str, ...]
) -> None:
    path = corrupt(transactions.copy(), tmp_path)
    refusal = refused(path)
    if words:
        assert all(word in refusal for word in words), refusal
        assert "Error" not in refusal
    else:
        assert refusal == ""
        # The suite wants numeric types, too.
        assert all(map(pd.api.types.is_numeric_dtype, read_table(path).dtypes))
        assert_frame_equal(load(path), transactions, check_exact=True)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:module 'sre_:DeprecationWarning")
@pytest.mark.parametrize(("corrupt", "words"), CORRUPTIONS.values(), ids=CORRUPTIONS.keys())
def test_both_libraries_refuse_the_same_corruptions(
    transactions: pd.DataFrame, tmp_path: Path, corrupt: Corruption, words: tuple[str, ...]
) -> None:
    try:
        table = read_table(corrupt(transactions.copy(), tmp_path))
    except UsageError:
        pytest.skip("no table")
    document = judge(
        table, DataLimits(min_fraud_share=0.0005, max_fraud_share=0.1, min_frauds=20, max_component_median=1)
    )
    assert document["verdict"] == ("fail" if words else "pass")
    assert [found for found in document["violations"] if found["rule"] == "agreement"] == []


def test_a_file_that_its_reader_may_not_read_is_refused(transactions: pd.DataFrame) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        path = of_frame(lambda frame: frame)(transactions, folder)
        path.chmod(0o644)
        with nobody():
            readable = refused(path)
        path.chmod(0o000)
        with nobody():
            refusal = refused(path)
    assert readable == ""
    assert all(word in refusal for word in (str(path), "Permission denied", "may read")), refusal


def refused(path: Path) -> str:
    """What a person is told: the reader's refusal, or every violation of the contract; nothing where all is well."""
    try:
        table = read_table(path)
    except UsageError as error:
        return str(error)
    return "\n".join(
        f"{found.column} {found.rule} {found.rows} {found.values} {found.message}"
        for found in contract.violations(table)
    )


@contextmanager
def nobody() -> Iterator[None]:
    """Be a user to whom permissions apply: root may read everything."""
    me = os.geteuid()
    if me == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(me)
