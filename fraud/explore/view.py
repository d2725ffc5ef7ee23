"""The data as every figure sees them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fraud import schema
from fraud.metrics.weights import legitimate_weight


@dataclass(frozen=True)
class View:
    """n transactions of both classes, columns as in `schema.COLUMNS`, and the share of fraud in production if given."""

    frame: pd.DataFrame
    prevalence: float | None = None

    @cached_property
    def fraud(self) -> NDArray[np.bool_]:
        """Shape (n,): which rows are frauds."""
        return np.asarray(self.frame[schema.LABEL.name] == 1)

    @cached_property
    def frauds(self) -> int:
        return int(self.fraud.sum())

    @cached_property
    def legitimate(self) -> int:
        return len(self.frame) - self.frauds

    @cached_property
    def weight(self) -> float:
        """What one legitimate row counts for, a fraud counting 1."""
        return legitimate_weight(self.legitimate, self.frauds, self.prevalence)

    @cached_property
    def share(self) -> float:
        """The weighted share of fraud."""
        return self.frauds / (self.frauds + self.weight * self.legitimate)

    def of(self, column: str, fraud: bool) -> NDArray[np.float64]:
        """One class's values of a column."""
        return np.asarray(self.frame.loc[self.fraud == fraud, column], dtype=np.float64)

    @property
    def note(self) -> str:
        """What shares and correlations stand for, to be read under a figure."""
        if self.prevalence is None:
            return "Every row counts once."
        return f"Legitimate rows are weighted so that frauds are {self.prevalence:.4%} of all, as in production."
