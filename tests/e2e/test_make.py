"""`make` itself, on a small twin: what it re-makes, how it survives being killed, and how a "no" stops it."""

import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.long, pytest.mark.timeout(1_800)]


@pytest.fixture(scope="module")
def finished(new_tree: Callable[[], Any]) -> Any:
    """A tree in which `make report` has run, whatever its verdict: a small twin need not pass gates of a large one."""
    tree = new_tree()
    done = tree.make("report")
    assert done.returncode == 0, done.stdout + done.stderr
    return tree


def test_a_second_make_has_nothing_to_do(finished: Any) -> None:
    assert finished.steps("report") == []


def test_thresholds_touch_only_the_gates_and_the_report(finished: Any) -> None:
    steps = finished.steps("-W", "checks/thresholds.toml", "all")
    assert steps == ["checks model", "fraud report", "checks gate"]


@pytest.mark.parametrize(
    ("changed", "first"),
    [
        ("fraud/report/report.py", "fraud report"),
        ("fraud/learn/recipe.py", "fraud train"),
        ("data/twin.json", "fraud data"),
    ],
)
def test_a_changed_source_re_makes_what_depends_on_it(finished: Any, changed: str, first: str) -> None:
    assert finished.steps("-W", changed, "report")[0] == first


@pytest.mark.parametrize(
    ("lost", "first"),
    [
        ("twin.parquet", "fraud data"),
        ("validation", "checks data"),
        ("figures", "fraud explore"),
        ("model", "fraud train"),
        ("logistic-past/manifest.json", "fraud train"),
        ("pipeline.parquet", "fraud train"),
        ("scores.parquet", "fraud evaluate"),
        ("gate.xml", "checks model"),
        ("report/model_card.md", "fraud report"),
    ],
)
def test_what_was_deleted_is_made_again(finished: Any, lost: str, first: str) -> None:
    path, kept = finished.folder / "build" / lost, finished.folder / "kept"
    path.rename(kept)
    try:
        assert finished.steps("report")[0] == first
    finally:
        kept.rename(path)
    assert finished.steps("report") == []


def test_a_bundle_of_all_rows_is_not_fitted_again(new_tree: Callable[[], Any]) -> None:
    tree = new_tree()
    done = tree.make("train", "ALL_ROWS=1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert tree.steps("train", "ALL_ROWS=1") == []
    assert tree.steps("serve", "ALL_ROWS=1") == ["fraud serve"]
    shutil.rmtree(tree.folder / "build/model")
    assert tree.steps("train", "ALL_ROWS=1") == ["fraud train"]


def test_the_environment_names_the_folder_and_the_port_as_the_command_line_does(finished: Any) -> None:
    told = finished.run("FRAUD_BUILD=elsewhere FRAUD_PORT=9000 FRAUD_DATA=own.csv make help").stdout
    assert "DATA=own.csv BUILD=elsewhere" in told
    assert "PORT=9000" in told
    assert "BUILD=here" in finished.run("FRAUD_BUILD=elsewhere make help BUILD=here").stdout


def test_a_changed_setting_re_makes_everything(finished: Any) -> None:
    assert "fraud data" in finished.steps("report", "PREVALENCE=0.001")
    assert finished.steps("report") != []
    assert finished.make("report").returncode == 0


def test_a_champion_re_makes_the_comparison_and_nothing_before_it(finished: Any) -> None:
    shutil.copytree(finished.folder / "build", finished.folder / "shipped", copy_function=shutil.copy2)
    asked = ["report", "BASELINE=shipped"]
    assert finished.steps(*asked) == ["fraud evaluate", "checks model", "fraud report"]
    done = finished.make(*asked)
    assert done.returncode == 0, done.stdout + done.stderr
    assert finished.steps(*asked) == []
    digests = {name: judged["champion"]["digest"] for name, judged in finished.protocols().items()}
    assert digests == {name: judged["model"]["digest"] for name, judged in finished.protocols().items()}
    (finished.folder / "shipped/model/manifest.json").touch()
    assert finished.steps(*asked)[0] == "fraud evaluate"
    assert "BASELINE=shipped" in finished.make("help", "BASELINE=shipped").stdout
    # And without it, all is as before.
    assert finished.make("report").returncode == 0
    assert all(judged["champion"] is None for judged in finished.protocols().values())


def test_an_unreachable_gate_stops_make_but_not_the_report(finished: Any, new_tree: Callable[[], Any]) -> None:
    tree = new_tree()
    shutil.copytree(finished.folder / "build", tree.folder / "build", dirs_exist_ok=True, copy_function=shutil.copy2)
    limits = tree.folder / "checks/thresholds.toml"
    text = re.sub(r'(metric = "recall"\n(?:.*\n)*?min = )[\d.]+', r"\g<1>1.1", limits.read_text(), count=1)
    assert text != limits.read_text()
    limits.write_text(text)
    done = tree.make("all")
    assert done.returncode != 0
    assert "must not ship" in done.stdout
    page = (tree.folder / "build/report/report.md").read_text()
    assert "must not ship" in page.splitlines()[0]
    assert "at least 1.1" in page
    image = tree.make("image")
    assert image.returncode != 0
    direct = tree.run(".venv/bin/python -m checks image")
    assert direct.returncode == 1
    assert "gate" in direct.stdout + direct.stderr


def test_killed_ten_times_it_ends_with_the_same_metrics(finished: Any, new_tree: Callable[[], Any]) -> None:
    tree = new_tree()
    moments = random.Random(7)
    for _ in range(10):
        process = subprocess.Popen(
            ["make", "report"],
            cwd=tree.folder,
            env=tree.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(moments.uniform(0.2, 8))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    done = tree.make("report")
    assert done.returncode == 0, done.stdout + done.stderr
    assert tree.protocols() == finished.protocols()


def test_clean_leaves_the_history_and_nothing_else_that_was_made(new_tree: Callable[[], Any]) -> None:
    tree = new_tree()
    (tree.folder / "build/report").mkdir()
    for name in ("report/index.html", "metrics.json", "history.jsonl"):
        (tree.folder / "build" / name).write_text("made")
    assert tree.run("git init --quiet && make clean").returncode == 0
    assert sorted(path.name for path in (tree.folder / "build").iterdir()) == ["README.md", "history.jsonl"]
