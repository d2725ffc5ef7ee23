"""Finished runs with their exploration, which a report needs besides; of each kind that a reader may meet, a report."""

import json
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fraud.settings import Settings

# Data of one's own that passes the gates, the same with a gate that fails, the synthetic twin, shuffled labels.
KINDS = ("own", "failing", "twin", "chance")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for the `kind` of run has a turn for each; with `--build` one, for the run that lies there."""
    if "kind" in metafunc.fixturenames:
        kinds = KINDS if metafunc.config.getoption("build") is None else ("elsewhere",)
        metafunc.parametrize("kind", kinds, scope="session")


@pytest.fixture(scope="session")
def explored_run(finished_run: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of a run whose `build` lacks nothing but the report; to be read only."""
    from fraud.explore import explore

    build = tmp_path_factory.mktemp("explored") / "build"
    shutil.copytree(finished_run.build, build)
    made = finished_run.model_copy(update={"build": build})
    explore.run(made)
    return made


@pytest.fixture(scope="session")
def build_of_kind(kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build folder of a finished run of this kind, its report included; to be read only.

    `pytest tests/report/test_page.py --build FOLDER` names one that lies elsewhere, as `make all` left it.
    """
    from fraud.explore import explore
    from fraud.report import report

    if kind == "elsewhere":
        named: Path = request.config.getoption("build")
        return named
    made: Settings = request.getfixturevalue(f"{kind}_run")
    build = tmp_path_factory.mktemp(kind) / "build"
    shutil.copytree(made.build, build)
    made = made.model_copy(update={"build": build})
    if not (build / "explore.json").exists():
        explore.run(made)
    report.run(made)
    return build


@pytest.fixture(scope="session")
def own_run(explored_run: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return _held_to(0.1, explored_run, tmp_path_factory.mktemp("own-run"))


@pytest.fixture(scope="session")
def failing_run(explored_run: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return _held_to(1.1, explored_run, tmp_path_factory.mktemp("failing-run"))


@pytest.fixture(scope="session")
def twin_run(finish: Callable[..., Settings], lightly: Callable[[], AbstractContextManager[None]]) -> Settings:
    with lightly():
        return finish("twin-run", data_source="twin", twin_rows=6_000, twin_frauds=60)


@pytest.fixture(scope="session")
def chance_run(
    finish: Callable[..., Settings], lightly: Callable[[], AbstractContextManager[None]], draw: Any
) -> Settings:
    rows = draw(seed=5)
    rows["Class"] = np.random.default_rng(5).permutation(rows["Class"])
    with lightly():
        return finish("chance-run", rows)


def _held_to(recall: float, finished: Settings, folder: Path) -> Settings:
    """The same run, held to another least recall of the random protocol, as its verdict then says."""
    from checks import model, thresholds

    shutil.copytree(finished.build, folder / "build", ignore=shutil.ignore_patterns("history.jsonl", "report"))
    held = finished.model_copy(update={"build": folder / "build"})
    limits = thresholds.read()
    first, *others = limits.model
    assert (first.protocol, first.metric) == ("random", "recall")
    moved = limits.model_copy(update={"model": (first.model_copy(update={"min": recall}), *others)})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(thresholds, "read", lambda: moved)
        document = model.run(held)
    assert [gate["name"] for gate in document["gates"] if not gate["passed"]] == ["random: recall"] * (recall > 1)
    return held


@pytest.fixture
def run(explored_run: Settings, tmp_path: Path) -> Settings:
    """Such a run of one's own, to change, break and report on."""
    # Others may have reported on it.
    shutil.copytree(explored_run.build, tmp_path / "build", ignore=shutil.ignore_patterns("history.jsonl", "report"))
    return explored_run.model_copy(update={"build": tmp_path / "build"})


@pytest.fixture
def edit(run: Settings):
    """`edit("gate", lambda gate: ...)`: change one of the run's JSON documents in place."""

    def change(name: str, how) -> None:
        path = run.build / f"{name}.json"
        document = json.loads(path.read_text())
        how(document)
        path.write_text(json.dumps(document))

    return change


@pytest.fixture
def become(edit):
    """`become("twin")`: let the run stand on data of another source."""
    mark = {"statistics": "5" * 64, "rows": 3_000, "frauds": 150, "seed": 17, "drawn by": "abc with numpy 9.8.7"}

    def change(source: str) -> None:
        edit("metrics", lambda metrics: metrics.update(synthetic=source == "twin"))
        edit("data", lambda data: data.update(source=source, **({"twin": mark} if source == "twin" else {})))

    return change
