"""What the gates said is told of the very model that they judged, and of no other."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checks.gate import Gate
from fraud import bundle
from fraud.api import answers, verdict
from fraud.api.app import create_app
from fraud.scorer import Scorer

GATES = [
    Gate("random: recall", 0.81, "why", low=0.75, high=0.87, min=0.7),
    Gate("data: frauds", 3, "why", min=20, detail="of the file"),
]


@pytest.fixture
def build(bundle_folder: Path, tmp_path: Path) -> Path:
    shutil.copytree(bundle_folder, tmp_path / "build/model")
    return tmp_path / "build"


def digest(build: Path) -> str:
    return bundle.read(build / "model").manifest.digest


def write(path: Path, judged: str, **others: Any) -> None:
    document = {"format": 1, "verdict": "fail", "sentence": "It must not ship.", "bundles": {"model": judged}}
    path.write_text(json.dumps(document | {"gates": [gate.record() for gate in GATES]} | others))


def told(build: Path) -> Any:
    said = verdict.read(build / "model", digest(build))
    about = create_app(Scorer(build / "model"), verdict=said).test_client().get("/model").get_json()
    answers.Model.model_validate(about)
    return about["gates"]


def test_the_model_says_what_the_gates_said(build: Path) -> None:
    write(build / "gate.json", digest(build))
    said = told(build)
    assert (said["verdict"], said["sentence"]) == ("fail", "It must not ship.")
    recall, frauds = said["gates"]
    assert recall == {
        **{"name": "random: recall", "value": 0.81, "low": 0.75, "high": 0.87, "judged": "value"},
        **{"limit": "at least 0.7", "passed": True, "reason": "why", "detail": ""},
    }
    assert (frauds["low"], frauds["passed"], frauds["detail"]) == (None, False, "of the file")


def test_a_finished_run_is_told_whole(run_copy: Any) -> None:
    written = json.loads((run_copy.build / "gate.json").read_text())
    said = told(run_copy.build)
    assert (said["verdict"], said["sentence"]) == (written["verdict"], written["sentence"])
    assert len(said["gates"]) == len(written["gates"]) > 10
    for gate, record in zip(said["gates"], written["gates"], strict=True):
        assert gate.items() <= record.items()


def test_the_verdict_inside_a_bundle_goes_before_the_one_beside_it(build: Path) -> None:
    write(build / "gate.json", digest(build))
    write(build / "model/gate.json", digest(build), verdict="pass", sentence="It may ship.")
    assert told(build)["verdict"] == "pass"


def test_a_link_is_followed_before_it_is_looked_beside(build: Path, tmp_path: Path) -> None:
    write(build / "gate.json", digest(build))
    (tmp_path / "link").symlink_to(build / "model")
    assert verdict.read(tmp_path / "link", digest(build)) is not None


def test_it_is_written_as_it_is_read(build: Path) -> None:
    write(build / "gate.json", digest(build))
    said = verdict.read(build / "model", digest(build))
    (build / "gate.json").unlink()
    verdict.write(build / "model", digest(build), said)
    assert verdict.read(build / "model", digest(build)) == said
    assert verdict.read(build / "model", "0" * 64) is None


def test_what_was_said_of_another_model_is_not_told(build: Path, write_bundle: Callable[..., Any]) -> None:
    write(build / "gate.json", write_bundle(build / "other", 1).digest)
    assert told(build) is None


def test_where_no_gates_were_there_is_no_verdict(build: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert told(build) is None
    assert not caplog.records


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-5]),
        lambda path: path.write_bytes(b"\xff"),
        lambda path: path.write_text("[" * 100_000),
        lambda path: path.write_text("[]"),
        lambda path: path.write_text(path.read_text().replace("0.81", "NaN")),
        lambda path: path.write_text(path.read_text().replace('"format": 1', '"format": 2')),
        lambda path: path.write_text(path.read_text().replace('"passed"', '"past"')),
        lambda path: (path.unlink(), path.mkdir()),
        lambda path: (path.unlink(), path.symlink_to(path)),
    ],
    ids=["cut off", "no text", "deep", "no object", "NaN", "newer", "another key", "a folder", "a loop"],
)
def test_one_that_is_damaged_is_none_and_is_logged(
    build: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], Any]
) -> None:
    write(build / "gate.json", digest(build))
    damage(build / "gate.json")
    assert told(build) is None
    [line] = caplog.messages
    assert line.startswith(f"{build}/gate.json can't be used")
    assert "\n" not in line
