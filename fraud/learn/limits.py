"""What limits every candidate: the frauds that none finds, and what the best blend in hindsight would reach."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.metrics import average_precision_score
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from fraud import schema
from fraud.learn.selection import Frame
from fraud.learn.study import SELECTED, Outcome

# The weights of a blend are quarters.
_STEPS = 4


def hardest(outcomes: Mapping[str, Sequence[Outcome]], frame: Frame, most: int = 15) -> list[dict[str, Any]]:
    """The frauds that even the best candidate for each ranks lowest, by the share of legitimate rows above them.

    With each stands how many of its ten nearest rows, in standardised components, are frauds: a fraud among legitimate
    rows looks like them to any model of these columns.
    """
    label = frame.label
    legitimate = label == 0
    above = {}
    for name, (first, *_) in outcomes.items():
        ascending = np.sort(first.probability[legitimate])
        above[name] = 1 - np.searchsorted(ascending, first.probability, "right") / len(ascending)
    best = np.min(list(above.values()), axis=0)
    frauds = np.flatnonzero(label == 1)
    chosen = frauds[np.argsort(-best[frauds], kind="stable")[:most]]
    neighbours = _fraud_neighbours(frame, chosen)
    columns = frame.rows.iloc[chosen]
    return [
        {
            "row": int(row),
            "time": float(columns[schema.TIME.name].iloc[k]),
            "amount": float(columns[schema.AMOUNT.name].iloc[k]),
            "legitimate_above": {"best": float(best[row]), "selected": float(above[SELECTED][row])},
            "frauds_among_ten_nearest": int(neighbours[k]),
        }
        for k, row in enumerate(chosen)
    ]


def hindsight(outcomes: Mapping[str, Sequence[Outcome]], frame: Frame, names: Sequence[str]) -> dict[str, Any]:
    """The best blend of `names` in quarters that could have been known only afterwards: flattered, never an estimate.

    Every blend with weights in quarters is judged on the very rows that choose it.
    """
    label = frame.label
    # A certainty can't be averaged in log-odds; calibrated ones that are rounded to it are as good as these.
    margins = logit(np.clip([outcomes[name][0].probability for name in names], 1e-15, 1 - 1e-15))
    best: tuple[float, tuple[int, ...]] = (-1.0, ())
    weights = np.where(label == 1, 1.0, frame.weight)
    for shares in _compositions(len(names), _STEPS):
        score = float(average_precision_score(label, np.array(shares) @ margins, sample_weight=weights))
        best = max(best, (score, shares))
    return {
        "average_precision": best[0],
        "weights": {name: share / _STEPS for name, share in zip(names, best[1], strict=True) if share},
    }


def _fraud_neighbours(frame: Frame, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    components = StandardScaler().fit_transform(frame.rows[[column.name for column in schema.COMPONENTS]])
    _, nearest = NearestNeighbors(n_neighbors=11, algorithm="brute").fit(components).kneighbors(components[rows])
    # The row itself is no neighbour, wherever among its copies it stands.
    others = [[k for k in near if k != row][:10] for row, near in zip(rows, nearest, strict=True)]
    return np.asarray(frame.label[np.array(others)].sum(axis=1), dtype=np.int64)


def _compositions(parts: int, total: int) -> list[tuple[int, ...]]:
    if parts == 1:
        return [(total,)]
    return [(first, *rest) for first in range(total + 1) for rest in _compositions(parts - 1, total - first)]
