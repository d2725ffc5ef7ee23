"""The two protocols: which rows train a model and which judge it."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold, train_test_split

from fraud import schema
from fraud.errors import UsageError

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Split:
    """Row positions, ascending, that train and that judge; no row and no copy of a row stands in both."""

    train: Rows
    test: Rows


def protocols(frame: pd.DataFrame, test_share: float, future_share: float, seed: int) -> dict[str, Split]:
    """Both protocols by name: "random" and "chronological".

    Raises:
        UsageError: a protocol would train or judge on rows of one class only.
    """
    splits = {
        "random": random_split(frame, test_share, seed),
        "chronological": chronological_split(frame, future_share),
    }
    label = frame[schema.LABEL.name].to_numpy()
    for name, rows in splits.items():
        if any(len(np.unique(label[side])) < 2 for side in (rows.train, rows.test)):
            raise UsageError(
                f"the {name} protocol needs frauds and legitimate rows both to train and to judge on: give more data"
            )
    return splits


def random_split(frame: pd.DataFrame, test_share: float, seed: int) -> Split:
    """Stratified by `Class`, with exact duplicates kept together.

    Raises:
        UsageError: a class has too few distinct rows to stand on both sides.
    """
    group, label = _groups(frame)
    try:
        train, _ = train_test_split(
            np.arange(len(label)), test_size=test_share, stratify=label, random_state=seed, shuffle=True
        )
    except ValueError as error:
        raise UsageError(f"too few rows to keep {test_share:g} of them apart ({error}): give more data") from None
    trains = np.isin(group, train)
    return Split(np.flatnonzero(trains), np.flatnonzero(~trains))


def chronological_split(frame: pd.DataFrame, future_share: float) -> Split:
    """The latest `future_share` of rows judge, the earlier ones train.

    Rows of the same second stay together (exact duplicates therefore too), so the share is met as nearly as ties allow.
    """
    time = frame[schema.TIME.name].to_numpy()
    ordered = np.sort(time)
    wanted = min(len(time) - round(future_share * len(time)), len(time) - 1)
    # Of the two places where the second at the cut begins and ends, the nearer one.
    before = np.searchsorted(ordered, ordered[wanted], "left")
    after = np.searchsorted(ordered, ordered[wanted], "right")
    in_future = time >= ordered[wanted] if wanted - before <= after - wanted else time > ordered[wanted]
    return Split(np.flatnonzero(~in_future), np.flatnonzero(in_future))


def folds(frame: pd.DataFrame, count: int, seed: int) -> Iterator[Split]:
    """Stratified folds of `frame`, duplicates and near-duplicates kept together; positions are those within `frame`.

    Raises:
        UsageError: a class has fewer distinct rows than there are folds.
    """
    group, label = _groups(frame, near=True)
    least = np.bincount(label, minlength=2).min()
    if least < count:
        raise UsageError(f"{least} distinct rows of one class can't be dealt to {count} folds: give more data")
    for train, _ in StratifiedKFold(count, shuffle=True, random_state=seed).split(label, label):
        trains = np.isin(group, train)
        yield Split(np.flatnonzero(trains), np.flatnonzero(~trains))


def blocks(frame: pd.DataFrame, count: int) -> Iterator[Split]:
    """Forward chaining: rows in order of time, cut in `count` + 1 blocks, each but the first judged by those before.

    Rows of the same second stay together. Blocks that would train or judge on fewer than two of a class are left out.
    """
    time = frame[schema.TIME.name].to_numpy()
    label = frame[schema.LABEL.name].to_numpy()
    edges = np.quantile(time, np.arange(1, count + 2) / (count + 1), method="lower")
    for start, end in pairwise(edges):
        rows = Split(np.flatnonzero(time <= start), np.flatnonzero((time > start) & (time <= end)))
        # Calibration parts those that judge once more.
        if all(np.bincount(label[side], minlength=2).min() >= 2 for side in (rows.train, rows.test)):
            yield rows


def content_digest(frame: pd.DataFrame) -> str:
    """A digest of rows as such: the same whatever their order, and whichever file format they came in."""
    hashed = pd.util.hash_pandas_object(frame[list(schema.COLUMNS)].astype(np.float64), index=False).to_numpy()
    return hashlib.sha256(np.sort(hashed).astype("<u8").tobytes()).hexdigest()


def digest(rows: Rows) -> str:
    """A digest of row positions, by which a bundle proves which rows it was fitted on."""
    return hashlib.sha256(np.ascontiguousarray(rows, dtype="<i8").tobytes()).hexdigest()


def _groups(frame: pd.DataFrame, near: bool = False) -> tuple[Rows, NDArray[np.int8]]:
    """A group number for each row, shared by rows that are equal in every feature, and a label for each group.

    Near-duplicates are equal in every component to two decimals, whatever their time and amount: the same card's next
    transaction, most likely. Copies may differ in their label; a group is then a fraud.
    """
    if near:
        # Adding 0 turns -0.0, which rounding makes, into 0.0: they are equal, their hashes are not.
        alike = frame[[column.name for column in schema.COMPONENTS]].round(2) + 0.0
    else:
        alike = frame[list(schema.FEATURES)]
    hashed = pd.util.hash_pandas_object(alike, index=False).to_numpy()
    _, group = np.unique(hashed, return_inverse=True)
    label = np.zeros(group.max(initial=-1) + 1, dtype=np.int8)
    np.maximum.at(label, group, frame[schema.LABEL.name].to_numpy().astype(np.int8))
    return group, label
