"""Bootstrap intervals of metrics and of paired differences between models judged on the same rows."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fraud.metrics.classification import Floats, Judged, metrics, totals

# Draws that are worked on at once: their counts of 100,000 rows take 26 MB.
_CHUNK = 32

Interval = dict[str, float]


def bootstrap(
    models: Mapping[str, tuple[Judged, Judged]],
    weight: float,
    draws: int,
    seed: int,
    strata: tuple[NDArray[np.intp], NDArray[np.intp]] | None = None,
) -> dict[str, dict[str, Floats]]:
    """Draw rows with replacement inside each class (a stratified bootstrap) and compute every metric of every model.

    All models see the same draws, so that differences between them are paired.

    Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993.

    Args:
        models: by name, (legitimate rows, frauds) as `judge` returns them, the same rows in the same order.
        weight: what one legitimate row counts for, a fraud counting 1.
        strata: a number for each legitimate row and each fraud: rows are drawn inside those of one number.

    Returns:
        by model and metric, an array of shape (draws,).
    """
    if strata is None:
        first, second = (np.zeros(judged.design.shape[0], np.intp) for judged in next(iter(models.values())))
        strata = first, second
    collected: dict[str, list[dict[str, Floats]]] = {name: [] for name in models}
    for legitimate, fraud in resamples(strata, draws, seed):
        for name, (others, frauds) in models.items():
            collected[name].append(metrics(totals(others, legitimate), totals(frauds, fraud), weight))
    return {name: _joined(parts) for name, parts in collected.items()}


def resamples(strata: Sequence[NDArray[np.intp]], draws: int, seed: int) -> Iterator[list[Floats]]:
    """How often each row of each class is drawn, shape (some draws, rows of the class) each, until `draws` are done.

    Args:
        strata: for each class a number for each of its rows: rows are drawn inside those of one number.
    """
    generator = np.random.default_rng(seed)
    for start in range(0, draws, _CHUNK):
        yield [_counts(generator, of_class, min(_CHUNK, draws - start)) for of_class in strata]


def values(model: tuple[Judged, Judged], weight: float) -> dict[str, float]:
    """Every metric of one model, each row counting once."""
    legitimate, fraud = (totals(judged, np.ones((1, judged.design.shape[0]))) for judged in model)
    return {name: float(value[0]) for name, value in metrics(legitimate, fraud, weight).items()}


def interval(value: float, drawn: Floats, confidence: float = 0.95) -> Interval:
    """`value` with its percentile interval `low` to `high`."""
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return {"value": value, "low": float(low), "high": float(high)}


def band(value: Floats, drawn: Floats) -> dict[str, list[float]]:
    """A curve of n points with its pointwise 95% percentile interval, `drawn` of shape (draws, n)."""
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return {"value": value.tolist(), "low": low.tolist(), "high": high.tolist()}


def _counts(generator: np.random.Generator, strata: NDArray[np.intp], draws: int) -> Floats:
    """How often each row is drawn, with replacement, in as many draws as its stratum has rows; shape (draws, rows)."""
    counts = np.empty((draws, len(strata)))
    for stratum in np.unique(strata):
        rows = np.flatnonzero(strata == stratum)
        drawn: NDArray[np.int64] = generator.integers(len(rows), size=(draws, len(rows)))
        drawn += len(rows) * np.arange(draws)[:, None]
        counts[:, rows] = np.bincount(drawn.ravel(), minlength=draws * len(rows)).reshape(draws, len(rows))
    return counts


def _joined(parts: Sequence[dict[str, Floats]]) -> dict[str, Floats]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
