"""Reading files: the same bits in every format, text kept where it is text, and what `load` refuses."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal
from pyarrow import parquet

from fraud import schema
from fraud.dataset.load import load, numbers, read_table, row_number, shown
from fraud.errors import UsageError


@pytest.mark.parametrize("name", ["data.csv", "data.csv.gz", "data.parquet", "DATA.CSV"])
def test_every_format_gives_the_same_bits(transactions: pd.DataFrame, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith("parquet"):
        transactions.to_parquet(path)
    else:
        transactions.to_csv(path, index=False)
    assert_frame_equal(load(path), transactions, check_exact=True)


def test_numbers_survive_a_csv_file_to_the_last_bit(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    bits = rng.integers(0, 2**64, 20_000, dtype=np.uint64).view(np.float64)
    wanted = bits[np.isfinite(bits)]
    path = tmp_path / "bits.csv"
    path.write_text("V1,V2\n" + "".join(f"{value!r},0\n" for value in wanted.tolist()))
    assert (read_table(path)["V1"].to_numpy() == wanted).all()


def test_load_gives_the_columns_of_the_schema_and_their_types(transactions: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    # Whole numbers throughout a column, and labels with a decimal point, are the same data.
    transactions["V3"] = 7.0
    transactions.astype({"V3": int, "Time": int, "Class": float}).to_csv(path, index=False)
    table = load(path)
    assert tuple(table.columns) == schema.COLUMNS
    assert set(table.dtypes[list(schema.FEATURES)]) == {np.dtype("float64")}
    assert table["Class"].dtype == np.int8
    assert_frame_equal(table, transactions)


def test_columns_beyond_the_schema_stay_text_as_written(tmp_path: Path) -> None:
    path = tmp_path / "extra.csv"
    path.write_text('card,Time,note,day\n007,1,"a, ""b""\nc",2013-09-01\n1e5,2.50,,true\n')
    table = read_table(path)
    assert table["card"].tolist() == ["007", "1e5"]
    assert table["note"][0] == 'a, "b"\nc'
    assert pd.isna(table["note"][1])
    assert table["day"].tolist() == ["2013-09-01", "true"]
    assert table["Time"].tolist() == [1.0, 2.5]


def test_a_column_with_one_cell_of_text_stays_text_so_that_the_cell_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "mixed.csv"
    path.write_text("Time,V1\n1.50,2\nsoon,3\n,4\n")
    table = read_table(path)
    assert table["Time"].tolist()[:2] == ["1.50", "soon"]
    assert numbers(table["Time"]).tolist()[0] == 1.5
    assert numbers(table["Time"]).isna().tolist() == [False, True, True]
    assert table["V1"].tolist() == [2, 3, 4]


@pytest.mark.parametrize("cells", [["2013-09-01", "2013-09-02"], ["true", "false"], ["00:00:01", "00:00:02"]])
def test_dates_and_truths_are_no_numbers(tmp_path: Path, cells: list[str]) -> None:
    path = tmp_path / "dates.csv"
    path.write_text("Time,V1\n" + "".join(f"{cell},1\n" for cell in cells))
    assert read_table(path)["Time"].tolist() == cells
    assert numbers(read_table(path)["Time"]).isna().all()


def test_blank_lines_are_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "blank.csv"
    path.write_text("\nTime,V1\n\n1,2\n\n3,4\n\n\n")
    assert read_table(path).to_numpy().tolist() == [[1, 2], [3, 4]]


def test_a_parquet_file_keeps_decimals_and_narrow_numbers_and_what_else_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    table = pa.table(
        {
            "Amount": pa.array([Decimal("149.62"), Decimal("2.69")], pa.decimal128(10, 2)),
            "V1": pa.array([1.5, -0.25], pa.float32()),
            "V2": pa.nulls(2),
            "when": pa.array(["a", "b"]),
        }
    )
    parquet.write_table(table, path)
    read = read_table(path)
    assert read["Amount"].tolist() == [149.62, 2.69]
    assert read["V1"].tolist() == [1.5, -0.25]
    assert read["V2"].dtype == np.float64
    assert read["V2"].isna().all()
    assert read["when"].tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("row", "column", "cell", "words"),
    [
        (5, "V3", "abc", "row 7, column V3: 'abc' is not a finite number"),
        (0, "V28", "", "row 2, column V28: an empty cell is not a finite number"),
        (399, "Amount", "inf", "row 401, column Amount: inf is not a finite number"),
        (9, "Class", "2", "row 11, column Class: 2 is not 0 or 1"),
        (9, "Class", "0.5", "row 11, column Class: 0.5 is not 0 or 1"),
    ],
)
def test_load_names_the_first_row_and_column_that_it_refuses(
    transactions: pd.DataFrame, tmp_path: Path, row: int, column: str, cell: str, words: str
) -> None:
    table = transactions.astype(object)
    table.loc[row, column] = cell
    # A later row in an earlier column is not the first.
    if row < 399:
        table.loc[399, "Time"] = "later"
    path = tmp_path / "data.csv"
    table.to_csv(path, index=False)
    with pytest.raises(UsageError) as refusal:
        load(path)
    assert words in str(refusal.value)
    assert "run `make validate` for all of them" in str(refusal.value)
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda frame: frame.drop(columns="V4"), "column V4 is missing"),
        (lambda frame: frame.assign(extra=1), "column extra is unknown"),
        (lambda frame: frame[frame.columns[::-1]], "column Class stands where Time belongs"),
    ],
)
def test_load_names_the_column_that_is_wrong(transactions: pd.DataFrame, tmp_path: Path, change, words: str) -> None:
    path = tmp_path / "data.parquet"
    change(transactions).to_parquet(path)
    with pytest.raises(UsageError, match=words):
        load(path)


def test_a_row_is_counted_as_a_spreadsheet_shows_it() -> None:
    assert row_number(0) == 2
    assert [shown(cell) for cell in ("x", 1.5, None, np.nan)] == ["'x'", "1.5", "an empty cell", "an empty cell"]
