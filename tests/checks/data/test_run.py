"""Both libraries over whole files: they agree, everything is told at once, and nothing lands outside the build."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from checks import thresholds
from checks.data import contract, expectations
from checks.data.findings import merge
from checks.data.run import judge, run
from checks.thresholds import DataLimits
from fraud import artefacts
from fraud.errors import UsageError
from fraud.schema import Severity
from fraud.settings import Settings

# great-expectations imports modules that Python has renamed.
pytestmark = pytest.mark.filterwarnings("ignore:module 'sre_:DeprecationWarning")

LIMITS = DataLimits(min_fraud_share=0.0005, max_fraud_share=0.1, min_frauds=20, max_component_median=1)


def recorded(frame: pd.DataFrame, folder: Path) -> Settings:
    """A build whose data step has settled on `frame`."""
    path = folder / "data.parquet"
    frame.to_parquet(path)
    settings = Settings(build=folder / "build")
    record = {"path": str(path), "source": "own", "digest": artefacts.sha256(path), "rows": len(frame)}
    artefacts.write_json(settings.build / "data.json", record)
    return settings


def rules(document: dict[str, Any], severity: Severity) -> set[tuple[str | None, str]]:
    return {(v["column"], v["rule"]) for v in document["violations"] if v["severity"] == severity}


def break_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """Every hard rule on cells is broken, each in a column of its own, and some of the soft ones."""
    frame = frame.astype({"Class": float})
    frame.loc[3, "V1"] = np.nan
    frame["V2"] = frame["V2"].astype(str).where(frame.index != 4, "abc")
    frame.loc[5, "V3"] = np.inf
    frame.loc[6, "Amount"] = -1
    frame.loc[7, "Time"] = -1
    frame.loc[8, "Class"] = 2
    frame["V4"] = pd.NaT
    frame["V5"] = frame["V5"] > 0
    frame.loc[9:11, "V6"] = 200.0
    frame["V7"] += 5
    return frame


def test_valid_data_pass_and_are_described(
    transactions: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pd.concat([transactions, transactions.iloc[[0, 0, 1]]], ignore_index=True)
    settings = recorded(table, tmp_path)
    monkeypatch.setattr(socket.socket, "connect", _refuse_network)

    assert run(settings) == 0
    document = artefacts.read_json(settings.build / "validation.json", "make validate")
    frauds = int(table["Class"].sum())
    assert document["verdict"] == "pass"
    assert document["violations"] == []
    assert (document["rows"], document["frauds"]) == (403, frauds)
    assert document["fraud_share"] == pytest.approx(frauds / 403)
    assert document["duplicates"] == {"rows": 3, "frauds": int(table["Class"].iloc[400:].sum())}
    assert document["data"] == artefacts.read_json(settings.build / "data.json", "make data")
    assert {"pandera", "great-expectations"} <= set(document["versions"])
    assert "403 rows" in capsys.readouterr().out

    pages = list((settings.build / "validation").rglob("*.html"))
    assert (settings.build / "validation" / "index.html") in pages
    assert not any("great-expectations-web-assets" in page.read_text() for page in pages)
    assert sorted(path.name for path in settings.build.iterdir()) == ["data.json", "validation", "validation.json"]


def test_both_libraries_refuse_the_same_and_everything_is_told_at_once(
    transactions: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = recorded(break_cells(transactions), tmp_path)
    assert run(settings) == 1
    document = artefacts.read_json(settings.build / "validation.json", "make validate")
    assert document["verdict"] == "fail"
    assert rules(document, Severity.ERROR) == {
        ("V1", "null"),
        ("V2", "number"),
        ("V3", "finite"),
        ("Amount", "range"),
        ("Time", "range"),
        ("Class", "label"),
        ("V4", "null"),
        ("V5", "number"),
    }
    assert rules(document, Severity.WARNING) == {("V3", "range"), ("V6", "range"), ("V7", "distribution")}
    told = capsys.readouterr().out
    assert all(word in told for word in ("V6", "200.0", "11, 12, 13", "data: fail"))


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        (lambda frame: frame.head(0), {("Class", "classes"), (None, "rows"), ("Class", "frauds")}),
        (lambda frame: frame.drop(columns=["V9", "Class"]), {("V9", "missing"), ("Class", "missing")}),
        (lambda frame: frame.assign(Class=0), {("Class", "classes"), ("Class", "fraud share"), ("Class", "frauds")}),
        (lambda frame: frame.assign(Class=(frame.index < 41).astype("int8")), {("Class", "fraud share")}),
        (lambda frame: frame[(frame.Class == 0) | (frame.index < 200)].reset_index(drop=True), {("Class", "frauds")}),
        (lambda frame: frame.astype("float32").astype({"Class": "uint8"}), set()),
    ],
    ids=["no rows", "columns missing", "one class", "too many frauds", "too few frauds", "narrow numbers"],
)
def test_the_file_as_a_whole_is_judged(
    transactions: pd.DataFrame,
    change: Callable[[pd.DataFrame], pd.DataFrame],
    errors: set[tuple[str | None, str]],
) -> None:
    assert rules(judge(change(transactions), LIMITS), Severity.ERROR) == errors


def test_a_disagreement_of_the_libraries_is_an_error(transactions: pd.DataFrame) -> None:
    broken = transactions.assign(V1=transactions["V1"].where(transactions.index != 3))
    refused = contract.violations(broken)
    blind_contract = merge(broken, [], expectations.validate(broken, LIMITS, None))
    assert [(v.column, v.rule, v.severity) for v in blind_contract] == [("V1", "agreement", Severity.ERROR)]
    blind_suite = merge(transactions, refused, expectations.validate(transactions, LIMITS, None))
    assert [(v.column, v.rule) for v in blind_suite] == [("V1", "null"), ("V1", "agreement")]
    assert "only pandera" in blind_suite[1].message


def test_data_that_changed_since_they_were_recorded_are_not_judged(transactions: pd.DataFrame, tmp_path: Path) -> None:
    settings = recorded(transactions, tmp_path)
    transactions.head(300).to_parquet(tmp_path / "data.parquet")
    with pytest.raises(UsageError, match="has changed since `make data`"):
        run(settings)
    with pytest.raises(UsageError, match="run `make data` first"):
        run(Settings(build=tmp_path / "empty"))


def test_the_record_of_other_data_is_no_leave_to_judge_them(transactions: pd.DataFrame, tmp_path: Path) -> None:
    settings = recorded(transactions, tmp_path)
    with pytest.raises(UsageError, match=r"is about .*data\.parquet, not about .*other\.csv"):
        run(settings.model_copy(update={"data": tmp_path / "other.csv"}))


def test_the_command_judges_any_file_and_leaves_nothing_behind(transactions: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    transactions.loc[5, "Amount"] = -3.5
    transactions.to_csv(path, index=False)
    done = command(tmp_path, str(path), "--json")
    assert done.returncode == 1
    assert done.stderr == ""
    (violation,) = json.loads(done.stdout)["violations"]
    assert (violation["column"], violation["rows"], violation["values"]) == ("Amount", [7], ["-3.5"])
    # Nor in the home or the current folder, which are the same here.
    assert [found.name for found in tmp_path.iterdir()] == ["data.csv"]


def test_the_command_refuses_a_file_that_is_no_table_in_one_line(tmp_path: Path) -> None:
    done = command(tmp_path, str(tmp_path / "nothing.csv"))
    assert done.returncode == 2
    assert done.stdout == ""
    assert "No such file" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_limits_stand_in_the_file_of_thresholds() -> None:
    limits = thresholds.read().data
    # The published share, and that of a sample with fewer legitimate rows, pass; labels that are swapped don't.
    assert limits.min_fraud_share < 492 / 284_807 < 319 / 38_002 < limits.max_fraud_share < 0.5
    assert limits.min_frauds <= Settings.model_fields["twin_frauds"].default


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m checks data`, as a person calls it, in `folder`."""
    root = Path(__file__).parents[3]
    return subprocess.run(
        [sys.executable, "-m", "checks", "data", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _refuse_network(*_: object) -> None:
    raise AssertionError("a connection was tried")
