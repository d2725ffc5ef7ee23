"""Bootstrap intervals of metrics and of paired differences between models judged on the same rows."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fraud.metrics.classification import Floats, Judged, metrics, totals

# Draws that are worked on at once: their counts of 100,000 rows take 26 MB.
_CHUNK = 32

Interval = dict[str, float]


def bootstrap(
    models: Mapping[str, tuple[Judged, Judged]], weight: float, draws: int, seed: int
) -> dict[str, dict[str, Floats]]:
    """Draw rows with replacement inside each class (a stratified bootstrap) and compute every metric of every model.

    All models see the same draws, so that differences between them are paired.

    Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993.

    Args:
        models: by name, (legitimate rows, frauds) as `judge` returns them, the same rows in the same order.
        weight: what one legitimate row counts for, a fraud counting 1.

    Returns:
        by model and metric, an array of shape (draws,).
    """
    generator = np.random.default_rng(seed)
    sizes = [judged.design.shape[0] for judged in next(iter(models.values()))]
    collected: dict[str, list[dict[str, Floats]]] = {name: [] for name in models}
    for size in _chunks(draws):
        legitimate, fraud = (_counts(generator, rows, size) for rows in sizes)
        for name, (others, frauds) in models.items():
            collected[name].append(metrics(totals(others, legitimate), totals(frauds, fraud), weight))
    return {name: _joined(parts) for name, parts in collected.items()}


def values(model: tuple[Judged, Judged], weight: float) -> dict[str, float]:
    """Every metric of one model, each row counting once."""
    legitimate, fraud = (totals(judged, np.ones((1, judged.design.shape[0]))) for judged in model)
    return {name: float(value[0]) for name, value in metrics(legitimate, fraud, weight).items()}


def interval(value: float, drawn: Floats, confidence: float = 0.95) -> Interval:
    """`value` with its percentile interval `low` to `high`."""
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return {"value": value, "low": float(low), "high": float(high)}


def _chunks(draws: int) -> Iterator[int]:
    for start in range(0, draws, _CHUNK):
        yield min(_CHUNK, draws - start)


def _counts(generator: np.random.Generator, rows: int, draws: int) -> Floats:
    """How often each of `rows` rows is drawn in `rows` draws with replacement; shape (draws, rows)."""
    drawn: NDArray[np.int64] = generator.integers(rows, size=(draws, rows))
    drawn += rows * np.arange(draws)[:, None]
    return np.bincount(drawn.ravel(), minlength=draws * rows).reshape(draws, rows).astype(np.float64)


def _joined(parts: Sequence[dict[str, Floats]]) -> dict[str, Floats]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
