"""Scoring a file: every row with its probability, prediction and decision beside what it came with."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fraud import artefacts, schema
from fraud.costs import DECISIONS
from fraud.dataset.load import numbers, read_table, row_number, shown
from fraud.errors import UsageError
from fraud.scorer import Scorer
from fraud.terminal import say

ADDED = ("probability", "prediction", "decision")


def run(source: Path, target: Path, folder: Path, threads: int) -> None:
    """Score `source` into `target` with the bundle in `folder`; columns and rows keep their order, others pass through.

    `Class` is not needed and not used.

    Raises:
        UsageError: a file or the bundle can't be used, or a row is bad; no output is left then.
    """
    writer = _writer(target)
    scorer = Scorer(folder, threads)
    frame = read_table(source)
    taken = [name for name in ADDED if name in frame.columns]
    if taken:
        raise UsageError(f"{source} has a column {', '.join(taken)} already: rename it, so that nothing is overwritten")
    features = _features(frame, source)
    try:
        scores = scorer.score(features)
    except ValueError as error:
        raise UsageError(f"{source}: {error}") from None
    scored = frame.assign(probability=scores.probability, prediction=scores.prediction, decision=scores.decision)
    with artefacts.replacing(target) as temporary:
        writer(scored, temporary)
    counts = {name: int((scores.decision == name).sum()) for name in DECISIONS}
    say(f"{target}: " + ", ".join(f"{count:,} {name}" for name, count in counts.items()))


def _writer(target: Path) -> Callable[[pd.DataFrame, Path], None]:
    if target.name.endswith((".csv", ".csv.gz")):
        return lambda frame, path: frame.to_csv(path, index=False)
    if target.suffix == ".parquet":
        return lambda frame, path: frame.to_parquet(path, index=False)
    raise UsageError(f"{target} has no known ending: name it .csv, .csv.gz or .parquet")


def _features(frame: pd.DataFrame, source: Path) -> NDArray[np.float64]:
    missing = [name for name in schema.FEATURES if name not in frame.columns]
    if missing:
        raise UsageError(f"{source} lacks the column {', '.join(missing)}: add it")
    values = frame[list(schema.FEATURES)].apply(numbers).to_numpy(np.float64)
    with np.errstate(over="ignore"):
        _refuse(~np.isfinite(values.astype(np.float32)), "not a finite number", frame, source)
    for index, column in enumerate(schema.FEATURE_COLUMNS):
        for allowed in column.ranges:
            if allowed.file is schema.Severity.ERROR:
                outside = np.zeros(values.shape, dtype=bool)
                outside[:, index] = values[:, index] != np.clip(values[:, index], allowed.low, allowed.high)
                _refuse(outside, f"out of range, since {allowed.reason}", frame, source)
    return values


def _refuse(bad: NDArray[np.bool_], why: str, frame: pd.DataFrame, source: Path) -> None:
    """Refuse the file where a cell is bad, naming the first."""
    cells = np.argwhere(bad)
    if len(cells):
        row, column = cells[0]
        name = schema.FEATURES[column]
        more = f" (and {len(cells) - 1:,} more cells)" if len(cells) > 1 else ""
        cell = shown(frame[name].iloc[row])
        raise UsageError(f"{source}, row {row_number(row)}, column {name}: {cell} is {why}{more}: mend it")
