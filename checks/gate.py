"""One gate: a measured value held against a limit."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isnan
from typing import Any


@dataclass(frozen=True)
class Gate:
    """A verdict on one figure, or, where `judged` says so, on the `low` or `high` end of its interval.

    `min_key` and `max_key` say where `thresholds.toml` decides on the limits, such as `model.0.min`.
    """

    name: str
    value: float
    reason: str
    low: float | None = None
    high: float | None = None
    min: float | None = None
    max: float | None = None
    min_key: str | None = None
    max_key: str | None = None
    judged: str = "value"
    detail: str = ""

    @property
    def bound(self) -> float:
        """The figure that is judged."""
        return float(getattr(self, self.judged))

    @property
    def passed(self) -> bool:
        """Whether the bound lies in [min, max], `None` being an open end; NaN lies nowhere."""
        above = self.min is None or self.bound >= self.min
        below = self.max is None or self.bound <= self.max
        return above and below and not isnan(self.bound)

    @property
    def limit(self) -> str:
        """The limit in words."""
        parts = [f"at least {self.min:g}"] if self.min is not None else []
        parts += [f"at most {self.max:g}"] if self.max is not None else []
        return " and ".join(parts)

    def record(self) -> dict[str, Any]:
        """What `gate.json` keeps."""
        return {**asdict(self), "bound": self.bound, "passed": self.passed, "limit": self.limit}


def told(gate: Mapping[str, Any]) -> str:
    """What a person is told of a gate that `gate.json` keeps: the figure, its limit, and why there is one, in lines."""
    interval = "" if gate["low"] is None else f", 95% interval {gate['low']:.6g} to {gate['high']:.6g}"
    figure = f"measured {gate['value']:.6g}{interval}"
    return "\n".join(filter(None, (figure, f"wanted {gate['limit']}", gate["detail"], gate["reason"])))
