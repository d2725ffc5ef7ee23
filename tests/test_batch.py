import gzip

import numpy as np
import pandas as pd
import pytest

from fraud import batch, schema
from fraud.errors import UsageError
from fraud.scorer import Scorer

FEATURES = list(schema.FEATURES)


@pytest.fixture
def frame(draw):
    """A file as clients have them: rows in no order, columns turned round, their own ones among them, no `Class`."""
    drawn = draw(300, 40, 6).sample(frac=1, random_state=1).reset_index(drop=True)
    turned = drawn[FEATURES[::-1]]
    turned.insert(0, "id", [f"{i:05d}" for i in range(300)])
    turned.insert(7, "note", np.where(np.arange(300) % 3 == 0, 'a "quoted", note', ""))
    return turned


@pytest.fixture
def scored(bundle_folder, tmp_path):
    """`scored(frame, source name, target name)`: what the scored file holds, read as text where it is CSV."""

    def run(frame, source="in.csv", target="out.csv"):
        if source.endswith(".parquet"):
            frame.to_parquet(tmp_path / source, index=False)
        else:
            frame.to_csv(tmp_path / source, index=False)
        batch.run(tmp_path / source, tmp_path / target, bundle_folder, threads=1)
        if target.endswith(".parquet"):
            return pd.read_parquet(tmp_path / target)
        return pd.read_csv(tmp_path / target, dtype={"id": str}, keep_default_na=False)

    return run


def refused(scored, frame, message, **names):
    with pytest.raises(UsageError, match=message):
        scored(frame, **names)


@pytest.mark.parametrize("source", ["in.csv", "in.csv.gz", "in.parquet"])
@pytest.mark.parametrize("target", ["out.csv", "out.csv.gz", "out.parquet"])
def test_rows_and_columns_keep_their_order_and_others_pass_through(scored, frame, bundle_folder, source, target):
    out = scored(frame, source, target)
    assert list(out.columns) == [*frame.columns, "probability", "prediction", "decision"]
    assert out["id"].tolist() == frame["id"].tolist()
    assert out["note"].fillna("").tolist() == frame["note"].tolist()
    assert np.array_equal(out[FEATURES].to_numpy(np.float64), frame[FEATURES].to_numpy())
    expected = Scorer(bundle_folder).score(frame[FEATURES].to_numpy())
    assert np.array_equal(out["probability"], expected.probability)
    assert np.array_equal(out["prediction"], expected.prediction)
    assert out["decision"].tolist() == expected.decision.tolist()


def test_a_label_is_neither_needed_nor_used(scored, frame):
    without = scored(frame)
    for label in (0, 1, 7, ""):
        given = scored(frame.assign(Class=label))
        assert given["probability"].equals(without["probability"])
        assert (given[schema.LABEL.name] == label).all()


def test_a_compressed_output_is_really_compressed(scored, frame, tmp_path):
    scored(frame, target="out.csv.gz")
    assert gzip.decompress((tmp_path / "out.csv.gz").read_bytes()).startswith(b"id,Amount,")


def test_a_file_without_rows_is_scored_to_one_without_rows(scored, frame):
    assert list(scored(frame.head(0)).columns)[-3:] == ["probability", "prediction", "decision"]


def test_the_counts_are_told(scored, frame, capsys):
    decision = scored(frame)["decision"]
    told = ", ".join(f"{(decision == name).sum()} {name}" for name in ("approve", "review", "decline"))
    assert capsys.readouterr().err.endswith(f"out.csv: {told}\n")


@pytest.mark.parametrize("column", [schema.TIME.name, "V13", schema.AMOUNT.name])
@pytest.mark.parametrize("cell", ["", "abc", "inf", "nan", "1e39", "1,5", "true"])
def test_a_bad_cell_refuses_the_file_with_its_row_and_column(scored, frame, tmp_path, column, cell):
    bad = frame.astype({column: object})
    bad.loc[41, column] = cell
    # Row 1 is the header, so the row at position 41 is row 43 of the file.
    refused(scored, bad, rf"in\.csv, row 43, column {column}: .* is not a finite number: mend it")
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(("column", "why"), [(schema.AMOUNT.name, "never negative"), (schema.TIME.name, "first row")])
def test_a_value_out_of_range_refuses_the_file(scored, frame, tmp_path, column, why):
    frame.loc[[3, 9], column] = -0.01
    refused(scored, frame, rf"row 5, column {column}: -0\.01 is out of range, since .*{why}.* \(and 1 more cells\)")
    assert not (tmp_path / "out.csv").exists()


def test_an_earlier_output_stays_where_the_file_is_refused(scored, frame, tmp_path):
    (tmp_path / "out.csv").write_text("earlier")
    refused(scored, frame.drop(columns="V5"), "lacks the column V5: add it")
    assert (tmp_path / "out.csv").read_text() == "earlier"
    assert {path.name for path in tmp_path.iterdir()} == {"in.csv", "out.csv"}


@pytest.mark.parametrize("kind", [bool, "datetime64[ns]", "str"])
def test_a_parquet_column_of_another_kind_is_refused(scored, frame, kind):
    frame["V5"] = pd.Series(np.arange(300)).astype(kind) if kind != "str" else "five"
    refused(scored, frame, "row 2, column V5: .* is not a finite number", source="in.parquet")


def test_a_column_of_the_name_of_an_answer_is_not_overwritten(scored, frame):
    refused(scored, frame.assign(decision="mine"), "has a column decision already: rename it")


@pytest.mark.parametrize("name", ["out.txt", "out", "out.json"])
def test_an_output_of_unknown_kind_is_refused_before_anything_is_read(bundle_folder, tmp_path, name):
    with pytest.raises(UsageError, match="no known ending"):
        batch.run(tmp_path / "absent.csv", tmp_path / name, bundle_folder, threads=1)


def test_a_missing_input_or_bundle_is_told(bundle_folder, tmp_path):
    with pytest.raises(UsageError, match=r"absent\.csv"):
        batch.run(tmp_path / "absent.csv", tmp_path / "out.csv", bundle_folder, threads=1)
    with pytest.raises(UsageError, match="holds no model bundle"):
        batch.run(tmp_path / "absent.csv", tmp_path / "out.csv", tmp_path, threads=1)
