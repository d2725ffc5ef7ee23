"""The synthetic twin: transactions drawn from aggregate statistics of genuine ones."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from fraud import schema
from fraud.dataset.published import PUBLISHED
from fraud.dataset.twin_statistics import Floats, Margin, Statistics, load
from fraud.errors import UsageError

__all__ = ["Statistics", "draw", "load"]

_TIME = schema.FEATURES.index(schema.TIME.name)
_AMOUNT = schema.FEATURES.index(schema.AMOUNT.name)


def draw(
    statistics: Statistics, rows: int = PUBLISHED.rows, frauds: int = PUBLISHED.frauds, seed: int = 42
) -> pd.DataFrame:
    """Draw transactions with the columns of `schema.COLUMNS`, ordered by `Time`; the same arguments give the same rows.

    Args:
        statistics: what `load` returns.
        rows: number of rows, frauds and repeated rows among them.
        frauds: number of rows whose `Class` is 1.
        seed: of the random numbers.

    Raises:
        UsageError: there is not at least one row of each class.
    """
    if not 0 < frauds < rows:
        raise UsageError(f"{frauds} frauds in {rows} rows: a twin needs at least one row of each class")
    rng = np.random.default_rng(seed)
    legitimate = _with_repeats(_legitimate, statistics, rows - frauds, statistics.legitimate_repeats, rng)
    fraudulent = _with_repeats(_fraudulent, statistics, frauds, statistics.fraud_repeats, rng)
    frame = pd.DataFrame(np.concatenate((legitimate, fraudulent)), columns=list(schema.FEATURES))
    frame[schema.LABEL.name] = (np.arange(rows) >= rows - frauds).astype(np.int8)
    return frame.sort_values(schema.TIME.name, kind="stable", ignore_index=True)


def _with_repeats(
    kind: Callable[[Statistics, int, np.random.Generator], Floats],
    statistics: Statistics,
    rows: int,
    share: float,
    rng: np.random.Generator,
) -> Floats:
    """Rows of one class, the given share of them exact copies of others."""
    repeats = round(share * rows)
    distinct = _in_units(kind(statistics, rows - repeats, rng), statistics)
    return np.concatenate((distinct, distinct[rng.integers(len(distinct), size=repeats)]))


def _legitimate(statistics: Statistics, rows: int, rng: np.random.Generator) -> Floats:
    impostors = rng.binomial(rows, statistics.impostor_share)
    ordinary = statistics.legitimate.draw(rows - impostors, rng)
    return np.concatenate((_corrected(ordinary, statistics.legitimate_margins), _overt(statistics, impostors, rng)))


def _fraudulent(statistics: Statistics, rows: int, rng: np.random.Generator) -> Floats:
    count = rng.binomial(rows, statistics.hidden_share)
    hidden = statistics.legitimate.draw(count, rng, statistics.hidden_weights)
    # A part of the shift that differs by row: hidden frauds of one kind would be found together.
    hidden += rng.uniform(size=(count, 1)) * np.asarray(statistics.hidden_shift)
    return np.concatenate((_corrected(hidden, statistics.legitimate_margins), _overt(statistics, rows - count, rng)))


def _overt(statistics: Statistics, rows: int, rng: np.random.Generator) -> Floats:
    return _corrected(statistics.overt.draw(rows, rng), statistics.overt_margins)


def _corrected(drawn: Floats, margins: list[Margin]) -> Floats:
    return np.column_stack([margin.corrected(column) for margin, column in zip(margins, drawn.T, strict=True)])


def _in_units(rows: Floats, statistics: Statistics) -> Floats:
    """Whole seconds, whole cents, components to nine decimals: enough for distinct rows, the same on every platform."""
    rows = rows.round(9)
    rows[:, _TIME] = _folded(rows[:, _TIME], statistics.time_high).round()
    rows[:, _AMOUNT] = rows[:, _AMOUNT].clip(0, statistics.amount_high).round(2)
    return rows


def _folded(time: Floats, high: float) -> Floats:
    """Reflect what lies outside [0, high] back into it: clipping would heap rows on the first and the last second."""
    return high - np.abs(high - np.abs(time) % (2 * high))
