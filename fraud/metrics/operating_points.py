"""What alerting at and above a threshold would bring: a cumulative table of many thresholds, exact at each."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fraud.metrics.classification import Floats
from fraud.metrics.curves import descending, peaks
from fraud.metrics.money import savings

_POINTS = 400
_WHERE_A_FRAUD_IS_FOUND = 200

Table = dict[str, list[float]]


def operating_points(
    label: NDArray[np.int8], probability: Floats, alerted: Floats, weight: float, also: Sequence[float] = ()
) -> Table:
    """The confusion matrix and the money of one threshold for all amounts, at up to 400 thresholds, the highest first.

    They are scores of judged rows: those at which a fraud is found, where precision peaks, and between them others at
    even steps of the logarithm of the alerts, so that they lie dense where alerts are few. The highest score and the
    lowest are among them.

    Args:
        label: shape (n,), 0 or 1, both present.
        probability: shape (n,).
        alerted: shape (n, 3), what `money.ledger` says where every row raises an alert.
        weight: what one legitimate row counts for, a fraud counting 1.
        also: thresholds to have an exact counterpart: the lowest score that reaches each.

    Returns:
        `threshold`, and for each the figures of `operating_point`.
    """
    order, ends = descending(probability)
    scores = probability[order]
    frauds, alarms = np.cumsum(label[order] == 1)[ends], np.cumsum(label[order] == 0)[ends]
    kept = _kept(frauds, frauds + alarms, [int((scores[ends] >= threshold).sum()) for threshold in also])
    weights = np.where(label == 1, 1.0, weight)
    changed = np.cumsum(((alerted[:, 0] - alerted[:, 1]) * weights)[order])[ends][kept]
    nothing, perfect = weights @ alerted[:, 1], weights @ alerted[:, 2]
    money = np.column_stack([nothing + changed, np.full(len(kept), nothing), np.full(len(kept), perfect)])
    figures = _figures(frauds[kept], alarms[kept], int(frauds[-1]), int(alarms[-1]), money, weight)
    return {"threshold": scores[ends[kept]].tolist(), **{name: values.tolist() for name, values in figures.items()}}


def operating_point(
    label: NDArray[np.int8], prediction: NDArray[np.int8], decided: Floats, weight: float
) -> dict[str, float]:
    """The figures of one rule, whatever it decides by.

    Args:
        label: shape (n,), 0 or 1, both present.
        prediction: shape (n,), 1 where an alert was raised.
        decided: shape (n, 3), what `money.ledger` says of the decisions.
        weight: what one legitimate row counts for, a fraud counting 1.

    Returns:
        `true_positives`, `false_positives`, `false_negatives`, `true_negatives`, weighted; of the latter two kinds of
        legitimate rows the unweighted `false_positive_rows`, `true_negative_rows`; `precision` (0 where nothing was
        flagged) and `recall`; `alerts_per_10000` transactions; `savings`, in euros, and `savings_share`.
    """
    frauds, legitimate = int((label == 1).sum()), int((label == 0).sum())
    found, alarms = prediction[label == 1].sum(keepdims=True), prediction[label == 0].sum(keepdims=True)
    money = (np.where(label == 1, 1.0, weight) @ decided)[None]
    figures = _figures(found.astype(np.int64), alarms.astype(np.int64), frauds, legitimate, money, weight)
    return {name: values.tolist()[0] for name, values in figures.items()}


def _kept(found: NDArray[np.int64], alerts: NDArray[np.int64], reached: Sequence[int]) -> NDArray[np.int64]:
    """The positions to keep of distinct scores, the highest first; `reached` counts the scores at each wanted one."""
    frauds = peaks(found, _WHERE_A_FRAUD_IS_FOUND)
    wanted = np.array([count - 1 for count in reached if count], np.int64)
    steps = np.geomspace(1, alerts[-1], _POINTS - len(frauds) - len(wanted))
    # The last step may have been rounded up beyond the last alert.
    between = np.minimum(np.searchsorted(alerts, steps), len(alerts) - 1)
    return np.unique(np.concatenate([frauds, wanted, between]))


def _figures(
    found: NDArray[np.int64], alarms: NDArray[np.int64], frauds: int, legitimate: int, money: Floats, weight: float
) -> dict[str, NDArray[np.generic]]:
    # The products and the difference by which the metrics find them, to the last bit.
    false_positives, others = weight * alarms, weight * legitimate
    alerts = found + false_positives
    saved = savings(money)
    return {
        "true_positives": found,
        "false_positives": false_positives,
        "false_negatives": frauds - found,
        "true_negatives": others - false_positives,
        "false_positive_rows": alarms,
        "true_negative_rows": legitimate - alarms,
        "precision": np.divide(found, alerts, out=np.zeros(len(found)), where=alerts > 0),
        "recall": found / frauds,
        "alerts_per_10000": 10_000 * alerts / (frauds + others),
        "savings": saved["savings"],
        "savings_share": saved["savings_share"],
    }
