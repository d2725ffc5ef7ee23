"""A finished run with its exploration, which a report needs besides."""

import json
import shutil
from pathlib import Path

import pytest

from fraud.settings import Settings


@pytest.fixture(scope="session")
def explored_run(finished_run: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of a run whose `build` lacks nothing but the report; to be read only."""
    from fraud.explore import explore

    build = tmp_path_factory.mktemp("explored") / "build"
    shutil.copytree(finished_run.build, build)
    made = finished_run.model_copy(update={"build": build})
    explore.run(made)
    return made


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
