"""One gate: a measured value held against a limit."""

from dataclasses import asdict, dataclass
from math import isnan
from typing import Any


@dataclass(frozen=True)
class Gate:
    """A verdict on one figure; `bound` is the figure that is judged, the value itself or an end of its interval."""

    name: str
    bound: float
    value: float
    passed: bool
    reason: str
    low: float | None = None
    high: float | None = None
    min: float | None = None
    max: float | None = None
    detail: str = ""

    @property
    def limit(self) -> str:
        """The limit in words."""
        parts = [f"at least {self.min:g}"] if self.min is not None else []
        parts += [f"at most {self.max:g}"] if self.max is not None else []
        return " and ".join(parts)

    def record(self) -> dict[str, Any]:
        """What `gate.json` keeps."""
        return {**asdict(self), "limit": self.limit}


def within(value: float, low: float | None, high: float | None) -> bool:
    """Whether `value` lies in [low, high], `None` being an open end; NaN lies nowhere."""
    return (low is None or value >= low) and (high is None or value <= high) and not isnan(value)
