"""Fitting the statistics behind the synthetic twin to genuine transactions."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fraud import schema
from fraud.dataset import load
from fraud.dataset.published import PUBLISHED
from fraud.dataset.twin_completion import PUBLISHED_REPEATS, completed
from fraud.dataset.twin_disguise import Disguise, disguise
from fraud.dataset.twin_margins import margins
from fraud.dataset.twin_mixture import MINIMUM_ROWS, clustered, fitted
from fraud.dataset.twin_statistics import Floats, Mixture, Statistics, rounded, save
from fraud.errors import UsageError
from fraud.terminal import say

_FEWEST_FRAUDS = 3 * MINIMUM_ROWS
_FEWEST_LEGITIMATE = 500
# Rows drawn to see the margins of a mixture: so many times the genuine ones, and no more than so many.
_DRAWN_TIMES = 10
_DRAWN_MOST = 200_000
# Hidden frauds are few: the weights of all legitimate rows count as this many rows beside them.
_PRIOR_ROWS = 20


def run_fit(data: Path, out: Path, sample_of_published: bool = False) -> None:
    """Fit the transactions of the file `data` and write the statistics to `out`.

    Args:
        data: `.csv`, `.csv.gz` or `.parquet`.
        out: the JSON file that `twin.load` reads.
        sample_of_published: the file holds some rows of the published data; what these lack is made up from what is
            known of all.

    Raises:
        UsageError: the file can't be read or holds too few rows of a class.
    """
    frame = load.load(data)
    say(f"fitting a twin to {len(frame):,} rows of {data}")
    save(fit(frame, sample_of_published=sample_of_published), out)
    say(f"{out}: {out.stat().st_size / 1000:,.0f} kB")


def fit(frame: pd.DataFrame, sample_of_published: bool = False, seed: int = 0) -> Statistics:
    """Fit the statistics of a twin to genuine rows with the columns of `schema.COLUMNS`.

    Legitimate rows: a mixture of Gaussians in the features' own units, since `Amount` is nearly linear in the
    components, whose margins are then corrected. Frauds: see `twin_disguise`.

    Args:
        frame: at least 500 legitimate rows and 30 frauds, copies included.
        sample_of_published: as in `run_fit`.
        seed: of the clustering and of the folds.

    Raises:
        UsageError: there are too few rows.
    """
    repeats = _repeats(frame)
    about = f"{len(frame):,} rows, {int((frame[schema.LABEL.name] == 1).sum()):,} of them frauds"
    frame = frame.drop_duplicates(ignore_index=True)
    _judge(frame)
    looks = disguise(frame, seed)
    time_high, amount_high = float(frame[schema.TIME.name].max()), _amount_high(frame)
    if sample_of_published:
        about += ", a sample of the published data"
        repeats, time_high, amount_high = PUBLISHED_REPEATS, PUBLISHED.time_high, PUBLISHED.amount_high
        frame, looks = completed(frame, looks, PUBLISHED)
    fraud = frame[schema.LABEL.name].to_numpy() == 1
    rows = frame[list(schema.FEATURES)].to_numpy(dtype=np.float64)
    return Statistics(
        about=about,
        **_learnt(rows, fraud, looks, seed),
        legitimate_repeats=repeats[0],
        fraud_repeats=repeats[1],
        time_high=time_high,
        amount_high=amount_high,
    )


def _learnt(rows: Floats, fraud: NDArray[np.bool_], looks: Disguise, seed: int) -> dict[str, Any]:
    """The parts of the statistics that are learnt from the rows' features, shape (n, 30)."""
    legitimate, hidden, overt = rows[~fraud], rows[looks.hidden], rows[fraud & ~looks.hidden]
    centre, scale = np.median(legitimate, axis=0), _scale(legitimate)
    model = fitted((legitimate - centre) / scale, seed)
    common = Mixture.of(model.weights_, model.means_ * scale + centre, model.covariances_ * np.outer(scale, scale))
    weights, means, covariances = clustered((overt - centre) / scale, seed)
    rare = Mixture.of(weights, means * scale + centre, covariances * np.outer(scale, scale))
    responsibility = (
        model.predict_proba((hidden - centre) / scale) if len(hidden) else np.empty((0, len(model.weights_)))
    )
    rng = np.random.default_rng(seed)
    count = min(_DRAWN_TIMES * len(rows), _DRAWN_MOST)
    return {
        "legitimate": common,
        "overt": rare,
        "legitimate_margins": margins(legitimate, common.draw(count, rng)),
        "overt_margins": margins(overt, rare.draw(count, rng)),
        "hidden_share": len(hidden) / fraud.sum(),
        "hidden_weights": rounded(responsibility.sum(axis=0) + _PRIOR_ROWS * model.weights_),
        "hidden_shift": rounded(_shift((hidden - centre) / scale - responsibility @ model.means_) * scale),
        "impostor_share": looks.impostor_share,
    }


def _shift(deviation: Floats) -> Floats:
    """The mean deviation of hidden frauds, shape (n, d), from their components, less its own noise.

    Each feature's mean is shrunk by the positive-part James-Stein factor 1 - s²/m², with s its standard error.
    """
    if len(deviation) < MINIMUM_ROWS:
        return np.zeros(deviation.shape[1])
    mean, error = deviation.mean(axis=0), deviation.var(axis=0) / len(deviation)
    shrunk: Floats = mean * np.clip(1 - error / mean**2, 0, 1)
    return shrunk


def _scale(values: Floats) -> Floats:
    """Interquartile ranges, which a few huge rows don't stretch; 1 where a feature hardly varies."""
    low, high = np.quantile(values, (0.25, 0.75), axis=0)
    return np.where(high > low, high - low, 1.0)


def _repeats(frame: pd.DataFrame) -> tuple[float, float]:
    repeated = frame.duplicated()
    fraud = frame[schema.LABEL.name] == 1
    return float(repeated[~fraud].mean()), float(repeated[fraud].mean())


def _amount_high(frame: pd.DataFrame) -> float:
    """Twice the amount that ten rows exceed: a bound that tells no row's amount."""
    return 2 * float(np.quantile(frame[schema.AMOUNT.name], 1 - MINIMUM_ROWS / len(frame)))


def _judge(frame: pd.DataFrame) -> None:
    frauds = int((frame[schema.LABEL.name] == 1).sum())
    if frauds < _FEWEST_FRAUDS or len(frame) - frauds < _FEWEST_LEGITIMATE:
        raise UsageError(
            f"{frauds} distinct frauds among {len(frame):,} distinct rows are too few to fit a twin without giving "
            f"rows away: it takes {_FEWEST_FRAUDS} frauds and {_FEWEST_LEGITIMATE} legitimate rows"
        )
