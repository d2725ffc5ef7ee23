"""Finished runs to compare, with ways to change what they left; and rows that judge a small bundle."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from checks import model
from fraud import artefacts, bundle, schema
from fraud.evaluate import evaluate
from fraud.evaluate.judged import Judged
from fraud.scorer import Scorer
from fraud.settings import Settings


@pytest.fixture(scope="session")
def forest_run(finished_run: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A finished run whose model is the blog post's forest; to be read only."""
    build = tmp_path_factory.mktemp("forest") / "build"
    shutil.copytree(finished_run.build, build)
    for folders in bundle.FOLDERS.values():
        recipe = bundle.read(build / folders["model"]).manifest.selection["recipe"]
        forest = bundle.read(build / folders["reference"])
        told = forest.manifest.model_copy(update={"selection": {**forest.manifest.selection, "recipe": recipe}})
        bundle.write(build / folders["model"], forest.model, told, forest.reasons)
    made = finished_run.model_copy(update={"build": build})
    evaluate.run(made)
    model.run(made)
    return made


@pytest.fixture
def a(forest_run: Settings, tmp_path: Path) -> Path:
    """The build folder of the forest's run, to change and break."""
    return Path(shutil.copytree(forest_run.build, tmp_path / "a"))


@pytest.fixture
def b(finished_run: Settings, tmp_path: Path) -> Path:
    """The build folder of the finished run, to change and break."""
    return Path(shutil.copytree(finished_run.build, tmp_path / "b"))


@pytest.fixture
def edit():
    """`edit(build, "metrics", lambda metrics: ...)`: change a JSON document in place."""

    def change(build: Path, name: str, how: Callable[[dict], object]) -> None:
        document = json.loads((build / f"{name}.json").read_text())
        how(document)
        (build / f"{name}.json").write_text(json.dumps(document))

    return change


@pytest.fixture
def judge_with(edit):
    """`judge_with(build, lambda scores: ...)`: let other rows or answers stand in `scores.parquet`, sealed anew."""

    def change(build: Path, how: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
        path = build / "scores.parquet"
        how(pd.read_parquet(path)).to_parquet(path, index=False)
        edit(build, "metrics", lambda metrics: metrics.update(scores_digest=artefacts.sha256(path)))

    return change


@pytest.fixture
def judged_rows(bundle_folder, draw):
    """`judged_rows(rows, frauds)`: rows drawn anew, with the answers of a small bundle: they hang on V14 and Amount."""

    def ask(rows=3_000, frauds=150, seed=3):
        scorer = Scorer(bundle_folder)
        frame = draw(rows, frauds, seed)
        positions = np.arange(0, len(frame), 2)
        test, train = frame.iloc[positions], frame.drop(index=positions)
        scores = scorer.score(test[list(schema.FEATURES)].to_numpy())
        return Judged(train, positions, test, {"model": scorer}, {"model": scores}, [])

    return ask
