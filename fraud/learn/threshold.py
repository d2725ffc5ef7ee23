"""The operating thresholds, chosen from out-of-fold scores of training rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Operating:
    """A threshold with the precision and recall it had on the rows it was chosen on, which flatter it."""

    threshold: float
    precision: float
    recall: float
    reached: bool


def highest_recall(
    probability: NDArray[np.float64], label: NDArray[np.int8], weight: float, target_precision: float
) -> Operating:
    """The threshold of the highest recall among those whose precision is at least `target_precision`.

    It lies midway between two neighbouring distinct scores. Where no threshold reaches the target, the one of the
    highest precision is taken and `reached` is False.

    Args:
        probability: shape (n,), out-of-fold.
        label: shape (n,), 0 or 1, both present.
        weight: what one legitimate row counts for, a fraud counting 1.
    """
    order = np.argsort(-probability, kind="stable")
    scores = probability[order]
    ends = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)
    found = np.cumsum(label[order] == 1)[ends]
    flagged = found + weight * np.cumsum(label[order] == 0)[ends]
    precision = found / flagged
    enough = np.flatnonzero(precision >= target_precision)
    at = enough[-1] if len(enough) else int(np.argmax(precision))
    upper, lower = scores[ends[at]], scores[ends[at] + 1] if at + 1 < len(ends) else 0.0
    midway = (upper + lower) / 2
    return Operating(
        # Between two neighbouring floats there is none: their mean may round to the lower one.
        threshold=float(midway if midway > lower else upper),
        precision=float(precision[at]),
        recall=float(found[at] / found[-1]),
        reached=bool(len(enough)),
    )
