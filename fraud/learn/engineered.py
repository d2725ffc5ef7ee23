"""Columns made of the 30 raw ones, tried in the study of features; what helps none of the models is not served."""

from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from fraud import schema

Kind = Literal["amount", "hour", "interactions", "distance", "velocity"]

_TIME, _AMOUNT = (schema.FEATURES.index(column.name) for column in (schema.TIME, schema.AMOUNT))
_COMPONENTS = [schema.FEATURES.index(column.name) for column in schema.COMPONENTS]
_STRONG = 5
# A distance, in standard deviations, that rounding makes of none.
_SAME = 1e-5
_WINDOWS = (60.0, 600.0, 3_600.0)


class Engineered(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Appends columns to `Time` of day, the components and `Amount`; takes `Time` as it is given.

    Args:
        kinds: "amount" (its logarithm, whether it is round, how often the training rows repeat it), "hour"
            (of day, as a point on a circle), "interactions" (products of the components whose medians differ most
            between the training rows' classes, in standard deviations), "distance" (to the nearest known frauds),
            "velocity" (training rows and their amounts in windows that end before the row, of all and of rows of the
            same amount). The last two need the training rows where they serve.
    """

    def __init__(self, kinds: Sequence[Kind]) -> None:
        self.kinds = kinds

    def fit(self, X: NDArray[np.float32], y: NDArray[np.int8]) -> Self:
        amounts, counts = np.unique(X[:, _AMOUNT], return_counts=True)
        self.amounts_, self.counts_ = amounts, counts
        order = np.argsort(X[:, _TIME], kind="stable")
        self.times_, self.spent_ = X[order, _TIME].astype(np.float64), X[order, _AMOUNT].astype(np.float64)
        self.scaler_ = StandardScaler().fit(X[:, _COMPONENTS])
        components, fraud = self.scaler_.transform(X[:, _COMPONENTS]), np.asarray(y) == 1
        apart = np.abs(np.median(components[fraud], axis=0) - np.median(components[~fraud], axis=0))
        self.strong_ = np.array(_COMPONENTS)[np.argsort(-apart, kind="stable")[:_STRONG]]
        frauds = components[fraud]
        self.frauds_ = NearestNeighbors(n_neighbors=min(4, len(frauds))).fit(frauds)
        return self

    def transform(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        made = X.copy()
        made[:, _TIME] %= schema.SECONDS_PER_DAY
        added = [getattr(self, f"_{kind}")(X).astype(np.float32) for kind in self.kinds]
        return np.column_stack([made, *added])

    def _amount(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        amount = X[:, _AMOUNT].astype(np.float64)
        at = np.clip(np.searchsorted(self.amounts_, X[:, _AMOUNT]), 0, len(self.amounts_) - 1)
        repeated = np.where(self.amounts_[at] == X[:, _AMOUNT], self.counts_[at], 0)
        return np.column_stack([np.log1p(amount), np.abs(amount - amount.round()) < 0.005, repeated])

    def _hour(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        angle = 2 * np.pi * X[:, _TIME].astype(np.float64) / schema.SECONDS_PER_DAY
        return np.column_stack([np.sin(angle), np.cos(angle)])

    def _interactions(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        strong = X[:, self.strong_].astype(np.float64)
        first, second = np.triu_indices(_STRONG, 1)
        return strong[:, first] * strong[:, second]

    def _distance(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        distances, _ = self.frauds_.kneighbors(self.scaler_.transform(X[:, _COMPONENTS]))
        # A training row that is itself a known fraud lies at no distance from one, which no later row does.
        own = distances[:, :1] < _SAME
        shifted = np.where(own, np.roll(distances, -1, axis=1), distances)[:, :-1]
        return np.column_stack([shifted[:, 0], shifted.mean(axis=1)])

    def _velocity(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        time = X[:, _TIME].astype(np.float64)
        total = np.concatenate([[0.0], np.cumsum(self.spent_)])
        # Rows of the same second may be later ones: they do not count.
        end = np.searchsorted(self.times_, time, "left")
        columns = []
        for window in _WINDOWS:
            start = np.searchsorted(self.times_, time - window, "left")
            columns += [end - start, total[end] - total[start]]
        return np.column_stack([*columns, self._look_alikes(X, time)])

    def _look_alikes(self, X: NDArray[np.float32], time: NDArray[np.float64]) -> NDArray[np.float64]:
        """Training rows of the same amount in the last hour."""
        order = np.lexsort((self.times_, self.spent_))
        # One sorted key for both: amounts apart by more than any span of time.
        span = max(float(self.times_.max()), float(time.max())) + 2 * _WINDOWS[-1]
        ranks = np.searchsorted(self.amounts_, X[:, _AMOUNT])
        known = self.amounts_[np.clip(ranks, 0, len(self.amounts_) - 1)] == X[:, _AMOUNT]
        keys = np.searchsorted(self.amounts_, self.spent_[order].astype(np.float32)) * span + self.times_[order]
        until = np.searchsorted(keys, ranks * span + time, "left")
        since = np.searchsorted(keys, ranks * span + np.maximum(time - _WINDOWS[-1], 0), "left")
        return np.where(known, until - since, 0).astype(np.float64)
