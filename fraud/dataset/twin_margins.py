"""Corrections that give what a mixture draws the genuine quantiles, feature by feature."""

import numpy as np

from fraud import schema
from fraud.dataset.twin_mixture import MINIMUM_ROWS
from fraud.dataset.twin_statistics import Floats, Margin, rounded

# Time needs more levels: its rhythm lies in the middle of the distribution.
_LEVELS = {schema.TIME.name: 400}
_DEFAULT_LEVELS = 100
_TAIL_LEVELS = 12
# An amount that this share of rows has, such as 1.00, is a heap of its own.
_HEAP = 5e-4


def margins(genuine: Floats, drawn: Floats) -> list[Margin]:
    """One margin a feature, from genuine rows, shape (n, 30), and rows that the mixture draws, shape (m, 30)."""
    return [_margin(name, genuine[:, i], drawn[:, i]) for i, name in enumerate(schema.FEATURES)]


def _margin(name: str, genuine: Floats, drawn: Floats) -> Margin:
    level = _levels(len(genuine), _LEVELS.get(name, _DEFAULT_LEVELS))
    quantile = np.quantile(genuine, level)
    if name == schema.AMOUNT.name:
        level, quantile = _with_heaps(level, quantile, genuine)
    at = np.quantile(drawn, level)
    # Rounding to significant digits keeps the order.
    return Margin(
        drawn=rounded(at),
        genuine=rounded(quantile),
        low_stretch=_stretch(quantile[0] - genuine, at[0] - drawn),
        high_stretch=_stretch(genuine - quantile[-1], drawn - at[-1]),
    )


def _stretch(genuine: Floats, drawn: Floats) -> float:
    """The mean excess of the genuine values, shape (n,), by that of the drawn ones, shape (m,)."""
    beyond, drawn_beyond = genuine[genuine > 0], drawn[drawn > 0]
    # A margin that ends in a heap, such as amounts of 0, has nothing beyond it.
    return float(f"{beyond.mean() / drawn_beyond.mean():.4g}") if len(beyond) and len(drawn_beyond) else 0.0


def _levels(rows: int, most: int) -> Floats:
    """Levels between which, and beyond which, lie at least ten rows: no quantile is the value of a single row."""
    outermost = MINIMUM_ROWS / rows
    even = np.linspace(outermost, 1 - outermost, int(np.clip(rows // MINIMUM_ROWS, 2, most)))
    tail = np.geomspace(outermost, max(even[0], even[1]), _TAIL_LEVELS)
    tail = tail[np.insert(np.diff(tail) * rows >= MINIMUM_ROWS, 0, True)]
    return np.unique(np.concatenate((even, tail, 1 - tail)))


def _with_heaps(level: Floats, quantile: Floats, genuine: Floats) -> tuple[Floats, Floats]:
    """Add the two levels between which each common value lies, so that drawing keeps its share."""
    value, count = np.unique(genuine, return_counts=True)
    common = value[count >= max(MINIMUM_ROWS, _HEAP * len(genuine))]
    ordered = np.sort(genuine)
    edges = [np.searchsorted(ordered, common, side) / len(genuine) for side in ("left", "right")]
    level = np.concatenate((level, *edges))
    quantile = np.concatenate((quantile, common, common))
    # By value first: at the level where a heap ends, the next value begins.
    order = np.lexsort((quantile, level))
    return level[order], np.maximum.accumulate(quantile[order])
