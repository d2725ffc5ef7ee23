"""Values that are possible but unusual: answered, with a warning."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud import schema
from fraud.api import model
from fraud.bundle import Manifest


class Unusual:
    """Knows the ranges that warn: the schema's for a request, and what the model's training saw."""

    def __init__(self, manifest: Manifest) -> None:
        self._ranges = [_ranges(column, manifest) for column in schema.FEATURE_COLUMNS]
        # The narrowest range of each feature: one comparison tells that nothing is unusual.
        self._low = np.array([max([-np.inf, *(low for low, _, _ in ranges)]) for ranges in self._ranges])
        self._high = np.array([min([np.inf, *(high for _, high, _ in ranges)]) for ranges in self._ranges])

    def usual(self) -> dict[str, tuple[float, float]]:
        """The range of each feature within which nothing is unusual, and no request is refused."""
        return {
            name: (max(low, least), min(high, most))
            for (name, (least, most)), low, high in zip(
                model.BOUNDS.items(), self._low.tolist(), self._high.tolist(), strict=True
            )
        }

    def warnings(self, rows: NDArray[np.float64]) -> Iterator[tuple[int, list[dict[str, Any]]]]:
        """Of the transactions, shape (n, 30), those with unusual values: which one, and feature, value and why each."""
        unusual = (rows < self._low) | (rows > self._high)
        if not unusual.any():
            return
        for row in map(int, np.flatnonzero(unusual.any(axis=1))):
            yield row, [self._warning(i, float(rows[row, i])) for i in map(int, np.flatnonzero(unusual[row]))]

    def _warning(self, feature: int, value: float) -> dict[str, Any]:
        detail = next(reason for low, high, reason in self._ranges[feature] if not low <= value <= high)
        return {"feature": schema.FEATURES[feature], "value": value, "detail": detail}


def _ranges(column: schema.Column, manifest: Manifest) -> list[tuple[float, float, str]]:
    found = [
        (
            -np.inf if known.low is None else known.low,
            np.inf if known.high is None else known.high,
            f"unusual: {known.reason}",
        )
        for known in column.ranges
        if known.request is schema.Severity.WARNING
    ]
    # A model that takes the time of day has seen every second of it, whatever the clock's range in training.
    if column is not schema.TIME or manifest.time != "of day":
        seen = manifest.features[column.name]
        found.append((seen.low, seen.high, f"training saw only {seen.low:g} to {seen.high:g}"))
    return found
