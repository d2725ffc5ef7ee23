"""Claims that are made about the data, tested instead of repeated."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud import schema
from fraud.explore.correlation import CLAIMED_LIMIT, with_label
from fraud.explore.view import View

# Principal components are uncorrelated exactly; a copy or a sample of the rows may miss it by this.
_UNCORRELATED = 0.01


def claims(view: View, matrix: NDArray[np.float64]) -> list[dict[str, Any]]:
    """Each claim with its source, what was measured (in words and as a value), and whether it holds."""
    r = with_label(matrix)
    strongest, value = next(iter(r.items()))
    beyond = [name for name, strength in r.items() if abs(strength) > CLAIMED_LIMIT]
    missing = int(view.frame.isna().sum().sum())
    places = [schema.COLUMNS.index(column.name) for column in schema.COMPONENTS]
    among = float(np.abs(matrix[np.ix_(places, places)] * (1 - np.eye(len(places)))).max())
    return [
        _claim(
            f"No correlation with Class exceeds about {CLAIMED_LIMIT}.",
            "the blog post",
            f"{strongest} reaches r = {value:+.3f}; {len(beyond)} columns exceed ±{CLAIMED_LIMIT}",
            abs(value),
            not beyond,
        ),
        _claim(
            "No value is missing.",
            "the data set's page",
            f"{missing:,} of {view.frame.size:,} values are missing",
            missing,
            missing == 0,
        ),
        _claim(
            "V1…V28 are principal components, uncorrelated among each other.",
            "the data set's page",
            f"the largest |r| of two of them is {among:.3f}",
            among,
            among <= _UNCORRELATED,
        ),
    ]


def _claim(claim: str, source: str, measured: str, value: float, holds: bool) -> dict[str, Any]:
    return {"claim": claim, "source": source, "measured": measured, "value": value, "holds": holds}
