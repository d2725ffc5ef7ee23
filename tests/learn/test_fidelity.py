"""The fidelity check: passes what is true, and bites each way in which a twin can be untrue."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler

from fraud import schema
from fraud.dataset import twin
from fraud.dataset.source import STATISTICS
from fraud.errors import UsageError
from fraud.learn import fidelity
from fraud.learn.fidelity import Draw, Line

FEATURES = list(schema.FEATURES)
HARDNESS = "forest on its own kind: average precision"
AMOUNT = "log Amount explained by the components: R²"


@pytest.fixture(scope="module")
def genuine() -> pd.DataFrame:
    """Rows that stand for genuine ones."""
    return twin.draw(twin.load(STATISTICS), 7_000, 600, seed=11)


def _lines(genuine: pd.DataFrame, fit=None) -> dict[str, Line]:
    return {line.name: line for line in fidelity.fidelity(genuine, fit, twins=1, trees=30)}


def _plain_mixture(fitting: pd.DataFrame) -> Draw:
    """One mixture of Gaussians a class."""
    scaler = StandardScaler().fit(fitting[FEATURES])
    models = [
        GaussianMixture(components, reg_covar=1e-3, random_state=0).fit(
            scaler.transform(fitting.loc[fitting["Class"] == k, FEATURES])
        )
        for k, components in ((0, 8), (1, 4))
    ]

    def draw(rows: int, frauds: int, seed: int) -> pd.DataFrame:
        parts = []
        for k, count in ((0, rows - frauds), (1, frauds)):
            models[k].set_params(random_state=seed)
            rows_of_class = scaler.inverse_transform(models[k].sample(count)[0])
            parts.append(pd.DataFrame(rows_of_class, columns=FEATURES).assign(Class=k))
        return pd.concat(parts, ignore_index=True)

    return draw


def _memory(fitting: pd.DataFrame) -> Draw:
    """Hands out the genuine rows themselves."""

    def draw(rows: int, frauds: int, seed: int) -> pd.DataFrame:
        parts = [
            fitting[fitting["Class"] == k].sample(count, replace=True, random_state=seed)
            for k, count in ((0, rows - frauds), (1, frauds))
        ]
        return pd.concat(parts, ignore_index=True)

    return draw


def _noise(fitting: pd.DataFrame) -> Draw:
    """Each column shuffled by itself, the label among them."""

    def draw(rows: int, frauds: int, seed: int) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        shuffled = {name: rng.choice(fitting[name].to_numpy(), rows) for name in FEATURES}
        return pd.DataFrame(shuffled).assign(Class=(np.arange(rows) < frauds).astype(int))

    return draw


def test_the_twin_passes(genuine: pd.DataFrame) -> None:
    lines = _lines(genuine)
    assert len(lines) == len(fidelity._LIMITS)
    # Amount's dependence takes more components than a few thousand rows support: it is judged on files of full size.
    failed = [line for line in lines.values() if not line.passed and line.name != AMOUNT]
    assert not failed, fidelity.as_table(failed)
    assert lines[AMOUNT].twin > 0.6


def test_a_plain_mixture_of_gaussians_is_too_easy(genuine: pd.DataFrame) -> None:
    lines = _lines(genuine, _plain_mixture)
    assert lines["boosting on genuine rows: average precision"].passed
    assert lines[HARDNESS].judged > 0.05
    assert not lines[HARDNESS].passed


def test_genuine_rows_handed_out_are_caught(genuine: pd.DataFrame) -> None:
    lines = _lines(genuine, _memory)
    assert lines["rows equal to a genuine one"].twin > 0
    assert not lines["rows equal to a genuine one"].passed
    assert not lines["distance to the nearest genuine row, 5th percentile"].passed


def test_columns_without_dependence_are_caught(genuine: pd.DataFrame) -> None:
    failed = {name for name, line in _lines(genuine, _noise).items() if not line.passed}
    assert failed >= {
        "boosting on genuine rows: average precision",
        "boosting on genuine rows: ROC-AUC",
        HARDNESS,
        "fraud margins: mean Kolmogorov-Smirnov distance",
        AMOUNT,
    }


def test_a_value_that_is_no_number_never_passes() -> None:
    assert not Line("name", 1.0, 1.0, float("nan"), -np.inf, np.inf).passed


def test_too_few_frauds_are_refused(genuine: pd.DataFrame) -> None:
    few = pd.concat((genuine[genuine["Class"] == 0], genuine[genuine["Class"] == 1].head(79)))
    with pytest.raises(UsageError, match="too few to check"):
        fidelity.fidelity(few)


@pytest.mark.parametrize(("distance", "code"), [(1.2, 0), (0.9, 1)])
def test_the_exit_code_and_the_table_say_whether_a_line_fails(
    distance: float, code: int, genuine: pd.DataFrame, tmp_path: Path, monkeypatch, capsys
) -> None:
    data = tmp_path / "genuine.parquet"
    genuine.to_parquet(data)
    line = Line("distance", 1.0, distance, distance, 1.0, np.inf)
    monkeypatch.setattr(fidelity, "fidelity", lambda frame, jobs: [line] if len(frame) == len(genuine) else [])
    assert fidelity.run_check(data) == code
    assert ("FAIL" in capsys.readouterr().out) == bool(code)
