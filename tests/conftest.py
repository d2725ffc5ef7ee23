"""Fixtures that several rooms' tests share."""

import fcntl
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fraud import bundle, schema, settings

pytest_plugins = ["tests.browser"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--build",
        type=Path,
        help="build folder of a finished run: the tests of the report's page look at it, instead of at small runs",
    )


@pytest.fixture(scope="session")
def bundle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real, small bundle: a logistic regression on random rows whose frauds differ in V14 and Amount."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(7)
    rows, frauds = 2_000, 200
    transactions = rng.normal(size=(rows, len(schema.FEATURES)))
    transactions[:, schema.FEATURES.index("Time")] = rng.uniform(0, 172_792, rows)
    transactions[:, schema.FEATURES.index("Amount")] = rng.lognormal(3, 1.5, rows)
    transactions[:frauds, schema.FEATURES.index("V14")] -= 4
    labels = np.arange(rows) < frauds
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(transactions.astype(np.float32), labels)
    graph = to_onnx(
        model,
        initial_types=[("transactions", FloatTensorType([None, len(schema.FEATURES)]))],
        options={id(model[-1]): {"zipmap": False, "raw_scores": True}},
    )
    _keep_fraud_column(graph)
    folder = tmp_path_factory.mktemp("build") / "model"
    bundle.write(folder, graph.SerializeToString(), _manifest(transactions))
    return folder


@pytest.fixture(scope="session")
def write_bundle(bundle_folder: Path):
    """`write_bundle(folder, intercept)`: a bundle that differs from others in the intercept of its calibration."""

    def write(folder: Path, intercept: float) -> bundle.Manifest:
        read = bundle.read(bundle_folder)
        calibration = bundle.Calibration(slope=1.0, intercept=intercept)
        return bundle.write(folder, read.model, read.manifest.model_copy(update={"calibration": calibration}))

    return write


@pytest.fixture(scope="session")
def mute_bundle(bundle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that can be loaded, but not asked: its graph takes 7 columns."""
    from onnx import TensorProto, helper

    identity = helper.make_node("Identity", ["transactions"], ["fraud"])
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 7]) for name in ("transactions", "fraud")]
    graph = helper.make_graph([identity], "narrow", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    folder = tmp_path_factory.mktemp("mute") / "model"
    bundle.write(folder, model.SerializeToString(), bundle.read(bundle_folder).manifest)
    return folder


@pytest.fixture
def transactions() -> pd.DataFrame:
    """A valid data set as `load` returns it: 400 rows in order of time, 20 of them frauds, none repeated."""
    rng = np.random.default_rng(11)
    frame = pd.DataFrame(rng.normal(size=(400, len(schema.FEATURES))), columns=list(schema.FEATURES))
    frame["Time"] = np.sort(rng.integers(0, 172_792, 400)).astype("float64")
    frame["Amount"] = rng.lognormal(3, 1.5, 400).round(2)
    frame["Class"] = (rng.permutation(400) < 20).astype("int8")
    return frame


def drawn(rows: int = 3_000, frauds: int = 150, seed: int = 3) -> pd.DataFrame:
    """Transactions in order of time whose frauds differ in V14 and V4, overlap the others, and repeat some rows."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(rows, len(schema.FEATURES))), columns=list(schema.FEATURES))
    frame["Time"] = np.sort(rng.integers(0, 172_792, rows)).astype("float64")
    frame["Amount"] = rng.lognormal(3, 1.5, rows).round(2)
    frame["Class"] = (rng.permutation(rows) < frauds).astype("int8")
    frame.loc[frame["Class"] == 1, "V14"] -= rng.choice([1, 4, 6], frauds)
    frame.loc[frame["Class"] == 1, "V4"] += 2
    # Exact copies, some of a fraud, one of them many times.
    copied = np.sort(rng.integers(0, rows - 10, rows // 20))
    frame.iloc[copied + 1] = frame.iloc[copied].to_numpy()
    return frame.astype({"Class": "int8"})


@pytest.fixture(scope="session")
def draw():
    """`draw(rows, frauds, seed)`: a data set of its own, as `load` returns it."""
    return drawn


@pytest.fixture
def clean_settings(monkeypatch: pytest.MonkeyPatch):
    """`clean_settings(seed=7, ...)`: sets FRAUD_* variables, and only these, as a fresh process would read them."""
    for name in [name for name in os.environ if name.startswith("FRAUD_")]:
        monkeypatch.delenv(name)
    settings.load.cache_clear()

    def give(**values: object) -> None:
        for name, value in values.items():
            monkeypatch.setenv(settings.PREFIX + name.upper(), str(value))
        settings.load.cache_clear()

    yield give
    settings.load.cache_clear()


@pytest.fixture
def on_a_full_disk():
    """`on_a_full_disk("-m", "fraud", ...)`: runs Python where no file may grow beyond 500 bytes.

    Past that limit the system refuses a write as it does on a full disk.
    """

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        # Coverage would have to write its own data there.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=Path(__file__).parents[1],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500)),
        )

    return run


@pytest.fixture(scope="session")
def finish(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., settings.Settings]:
    """`finish(name, rows=None, **changed)`: the settings of a small run, with what each step up to the gates made.

    The workers of one session share it: the first makes it while the others wait. Read it only: a test that changes
    something takes a copy. Without `rows` it stands on what `changed` says.
    """
    from checks import model
    from checks.data import run as validate
    from fraud.dataset import source
    from fraud.evaluate import evaluate
    from fraud.learn import train

    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared

    def made(name: str, rows: pd.DataFrame | None = None, **changed: object) -> settings.Settings:
        folder = shared / name
        given = {} if rows is None else {"data": folder / "transactions.parquet"}
        small = {"jobs": 1, "folds": 2, "bootstrap_draws": 100}
        run = settings.Settings.model_validate({"build": folder / "build", **small, **given, **changed})
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (run.build / "gate.json").exists():
                folder.mkdir(exist_ok=True)
                if rows is not None:
                    rows.to_parquet(run.data, index=False)
                source.run(run)
                assert validate.run(run) == 0
                train.run(run)
                evaluate.run(run)
                model.run(run)
        return run

    return made


@pytest.fixture(scope="session")
def finished_run(finish: Callable[..., settings.Settings]) -> settings.Settings:
    """A small run that is finished, on data of its own; a copy to change is `run_copy`."""
    return finish("finished-run", drawn(), prevalence=0.01)


@pytest.fixture(scope="session")
def lightly(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], AbstractContextManager[None]]:
    """`with lightly():` a recipe that is fitted in no time."""
    from fraud.learn import chosen
    from fraud.learn.candidates import registry

    path = tmp_path_factory.mktemp("light") / "recipe.toml"
    on = chosen.ChosenOn(digest="0" * 64, rows=1, frauds=1)
    chosen.write(chosen.Chosen(chosen_on=on, candidate=registry()["logistic"]), path)

    @contextmanager
    def light() -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(chosen, "PATH", path)
            yield

    return light


@pytest.fixture
def light_recipe(lightly: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """A recipe that is fitted in no time, for what doesn't depend on which it is."""
    with lightly():
        yield


@pytest.fixture
def run_copy(finished_run: settings.Settings, tmp_path: Path) -> settings.Settings:
    """A finished run of one's own, to change and break."""
    shutil.copytree(finished_run.build, tmp_path / "build")
    return finished_run.model_copy(update={"build": tmp_path / "build"})


def _keep_fraud_column(graph) -> None:
    """One output, the log-odds of fraud, shape (n, 1), as a bundle's model has it."""
    from onnx import TensorProto, helper

    scores = graph.graph.output[1].name
    graph.graph.initializer.append(helper.make_tensor("fraud_class", TensorProto.INT64, [1], [1]))
    graph.graph.node.append(helper.make_node("Gather", [scores, "fraud_class"], ["fraud"], axis=1))
    del graph.graph.output[:]
    graph.graph.output.append(helper.make_tensor_value_info("fraud", TensorProto.FLOAT, [None, 1]))


def _manifest(transactions: np.ndarray) -> bundle.Manifest:
    low, median, high = transactions.min(axis=0), np.median(transactions, axis=0), transactions.max(axis=0)
    return bundle.Manifest(
        name="logistic",
        protocol="random",
        output="log-odds",
        time="of day",
        calibration=bundle.Calibration(slope=1.0, intercept=0.0),
        thresholds=bundle.Thresholds(review=0.5, decline=0.9),
        reasons=bundle.Reasons(methods={"logistic regression": bundle.OCCLUSION}),
        features={
            name: bundle.TrainingRange(low=low[i], median=median[i], high=high[i])
            for i, name in enumerate(schema.FEATURES)
        },
        training={"data": {"source": "twin", "digest": "0" * 64}, "rows": len(transactions)},
        selection={},
        provenance={"created": "2025-01-01T00:00:00+00:00"},
    )


@pytest.fixture
def blog_transaction() -> dict[str, float]:
    """The transaction of the blog post's `curl` call; its columns are shifted by one, so its time is negative."""
    return json.loads((Path(__file__).parent / "e2e/blog_post_call.json").read_text())
