"""What a model sees of the 30 raw columns: made here, once, for training and serving alike."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fraud import schema

TimeMeaning = Literal["of day", "as given"]

_TIME = schema.FEATURES.index(schema.TIME.name)

# Far beyond every transaction, and so far below float32's largest that no model's sums overflow to infinity or NaN.
_LARGEST = 1e30


def prepare(transactions: ArrayLike, time: TimeMeaning) -> NDArray[np.float32]:
    """Turn raw transactions into a model's input: the one place where a number becomes float32.

    Args:
        transactions: shape (n, 30), columns in the order of `schema.FEATURES`, in their units.
        time: "of day" takes `Time` modulo 86,400 s, since seconds that passed since the first row of a file mean
            nothing to a later client; "as given" leaves it.

    Returns:
        shape (n, 30), a new array; what lies beyond ±1e30 is taken as that.

    Raises:
        ValueError: the shape is another, or a value is not finite as a float32.
    """
    raw = np.asarray(transactions, dtype=np.float64)
    if raw.ndim != 2 or raw.shape[1] != len(schema.FEATURES):
        raise ValueError(f"transactions have shape {raw.shape}, expected (n, {len(schema.FEATURES)})")
    # Most often nothing is to be clipped or refused, which one look tells: NaN is not at most anything.
    if np.abs(raw).max(initial=0) <= _LARGEST:
        return _made(raw, time)
    with np.errstate(over="ignore", invalid="ignore"):
        made = _made(raw, time)
    if not np.isfinite(made).all():
        row, column = np.argwhere(~np.isfinite(made))[0]
        raise ValueError(
            f"{schema.FEATURES[column]} of transaction {row} is {raw[row, column]}: not finite as a float32"
        )
    return np.clip(made, -_LARGEST, _LARGEST, out=made)


def prepare_one(transaction: Sequence[float], time: TimeMeaning, into: NDArray[np.float32]) -> None:
    """`prepare` for one transaction given as Python's numbers: the same, without numpy's haste for single numbers.

    Args:
        transaction: 30 values in the order of `schema.FEATURES`, in their units.
        into: shape (1, 30), where it is written.

    Raises:
        ValueError: as `prepare`.
    """
    # NaN is not at most anything, and what is too large is so beside others, too.
    if len(transaction) == len(schema.FEATURES) and sum(map(abs, transaction)) <= _LARGEST:
        into[0] = transaction
        if time == "of day":
            into[0, _TIME] = transaction[_TIME] % schema.SECONDS_PER_DAY
    else:
        into[:] = prepare([transaction], time)


def _made(raw: NDArray[np.float64], time: TimeMeaning) -> NDArray[np.float32]:
    made = raw.astype(np.float32)
    if time == "of day":
        # In float64: whole days that were added drop out exactly, where float32 would have rounded them away.
        made[:, _TIME] = raw[:, _TIME] % schema.SECONDS_PER_DAY
    return made
