"""Figures in words: how many digits to show, and how an interval reads."""

import math
from collections.abc import Mapping

# An interval of a metric, as `metrics.json` holds it: `value`, `low`, `high`.
Figure = Mapping[str, float]

_MOST_DECIMALS = 6


def with_interval(figure: Figure, signed: bool = False) -> str:
    """Such as `0.836 (0.771 to 0.891)`, `1,204 (1,180 to 1,231)` or, signed, `+0.021 (-0.004 to +0.047)`."""
    value, low, high = rounded(figure, signed)
    return f"{value} ({low} to {high})"


def rounded(figure: Figure, signed: bool = False) -> tuple[str, str, str]:
    """Value, low and high, all with as many decimals as the width of the interval makes worth reading."""
    ends = (figure["value"], figure["low"], figure["high"])
    decimals = _decimals(*ends)
    return _shown(ends[0], decimals, signed), _shown(ends[1], decimals, signed), _shown(ends[2], decimals, signed)


def number(value: float) -> str:
    """One figure without an interval: whole and large numbers whole, others with four significant digits."""
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 10_000 else f"{value:,.4g}"


def of_hundred(figure: Figure) -> tuple[str, str, str]:
    """A share as so many of a hundred: value, low, high."""
    return _hundredths(figure["value"]), _hundredths(figure["low"]), _hundredths(figure["high"])


def percent(share: float) -> str:
    """A share of one as a percentage with three significant digits."""
    # Read again, since the former format turns to powers of ten from 1,000 on.
    return f"{float(f'{100 * share:.3g}'):.15g}%"


def _decimals(value: float, low: float, high: float) -> int:
    largest = max(abs(value), abs(low), abs(high))
    # A count is whole, though the ends of its interval may lie between two counts.
    if float(value).is_integer() and (largest >= 2 or low == high):
        return 0
    least = 0 if largest >= 10 else 1 if largest >= 2 else 2 if largest > 1 else 3
    width = high - low
    needed = 1 - math.floor(math.log10(width)) if width > 0 else 0
    return min(max(least, needed), _MOST_DECIMALS)


def _shown(value: float, decimals: int, signed: bool) -> str:
    text = f"{value:{'+' if signed else ''},.{decimals}f}"
    # What rounds to nothing has no sign.
    return text.lstrip("+-") if float(text.replace(",", "")) == 0 else text


def _hundredths(share: float) -> str:
    hundredths = 100 * share
    # Nearly all is not all, and nearly none is not none.
    near = round(hundredths) in (0, 100) and share not in (0, 1)
    return _shown(hundredths, 1 if near else 0, signed=False)
