"""What a model is worth on parts of the judged rows, and on which of them that can't be told."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud.metrics.classification import Floats, judge
from fraud.metrics.intervals import Interval, bootstrap, interval, values

METRICS = ("recall", "precision", "average_precision", "roc_auc", "expected_to_observed")

# With fewer frauds than this a recall moves by more than a tenth with each of them.
FEW_FRAUDS = 10


def slices(
    label: NDArray[np.int8],
    probability: Floats,
    prediction: NDArray[np.int8],
    along: Floats,
    edges: Sequence[float],
    weight: float,
    draws: int,
    seed: int,
) -> list[dict[str, Any]]:
    """The metrics of n judged rows, apart for each band of `along`.

    Args:
        label: shape (n,), 0 or 1.
        probability, prediction: shape (n,), the model's answers.
        along: shape (n,), what the rows are parted by.
        edges: ascending; a band holds its lower edge, not its upper one.
        weight: what one legitimate row counts for, a fraud counting 1.
        draws, seed: of a bootstrap stratified by class inside each band.

    Returns:
        for each band, the lowest first, `from` and `to` (`None`: open), `rows` and `frauds`, `few` where fewer than 10
        frauds make its figures a matter of chance, and of each of `METRICS` the interval: `None` where a class is
        missing, that of precision also where nothing was flagged.
    """
    band = np.digitize(along, edges)
    ends = [None, *edges, None]
    found = []
    for index in range(len(edges) + 1):
        rows = band == index
        frauds = int(label[rows].sum())
        found.append(
            {
                "from": ends[index],
                "to": ends[index + 1],
                "rows": int(rows.sum()),
                "frauds": frauds,
                "few": frauds < FEW_FRAUDS,
                **_intervals(label[rows], probability[rows], prediction[rows], weight, draws, seed),
            }
        )
    return found


def _intervals(
    label: NDArray[np.int8], probability: Floats, prediction: NDArray[np.int8], weight: float, draws: int, seed: int
) -> dict[str, Interval | None]:
    if len(np.unique(label)) < 2:
        return dict.fromkeys(METRICS)
    judged = judge(label, probability, prediction)
    value, drawn = values(judged, weight), bootstrap({"model": judged}, weight, draws, seed)["model"]
    defined = [name for name in METRICS if name != "precision" or prediction.any()]
    return dict.fromkeys(METRICS) | {name: interval(value[name], drawn[name]) for name in defined}
