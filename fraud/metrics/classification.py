"""What a binary classifier is worth, as functions of how often each judged row counts.

Every metric here depends on the rows only through a few weighted totals, which are linear in the rows' counts. So one
formula serves the value (each row counts once) and each draw of a bootstrap (a row counts as often as it was drawn).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fraud.metrics.money import savings

Floats = NDArray[np.float64]

FALSE_POSITIVE_RATES = (0.001, 0.01)
ALERT_RATES = (0.001,)

# Of a probability in the log loss, as scikit-learn's: a certainty that was wrong costs 36, not infinity.
_LEAST = np.finfo(np.float64).eps


@dataclass(frozen=True)
class Judged:
    """n judged rows of one class, as seen by one model: `totals` maps counts, shape (draws, n), to `Totals`."""

    design: sparse.csr_array
    cells: int


@dataclass(frozen=True)
class Totals:
    """Totals over the rows of one class, the leading axis being the draw.

    `cells`, shape (draws, cells), counts rows by descending score; `flagged`, `squared`, `log` and `probability`, shape
    (draws,), sum over rows the prediction, the squared error, the log loss and the probability; `money`, shape
    (draws, 3), the columns of `money.ledger`, or (draws, 0) where none was given.
    """

    cells: Floats
    flagged: Floats
    squared: Floats
    log: Floats
    probability: Floats
    money: Floats


def judge(
    label: NDArray[np.int8], probability: Floats, prediction: NDArray[np.int8], ledger: Floats | None = None
) -> tuple[Judged, Judged]:
    """Prepare n judged rows of one model: what (legitimate rows, frauds) add to its totals, in the rows' order.

    `ledger`, shape (n, 3), is what `money.ledger` says of the model's decisions; without it no cost is told.

    A ranking's quality changes only where a fraud stands, so the legitimate rows between two neighbouring distinct
    scores of frauds share one cell, and rows that tie with a fraud share that fraud's cell.

    Raises:
        ValueError: a class is missing, a value is not finite, or a probability lies outside [0, 1].
    """
    if not (np.isfinite(probability).all() and (probability >= 0).all() and (probability <= 1).all()):
        raise ValueError("probabilities must be finite and lie in [0, 1]")
    if set(np.unique(label)) != {0, 1}:
        raise ValueError("the rows that judge a model need both classes")
    marks = np.unique(probability[label == 1])
    # Odd cells hold the marks themselves, even cells what lies between two of them; 0 is the highest.
    ascending = np.searchsorted(marks, probability, "left") + np.searchsorted(marks, probability, "right")
    cell = 2 * len(marks) - ascending
    cells = 2 * len(marks) + 1
    error = np.abs(label - probability)
    money = np.empty((len(label), 0)) if ledger is None else ledger
    sums = np.column_stack([prediction, error**2, -np.log(np.maximum(1 - error, _LEAST)), probability, money])
    both = []
    for value in (0, 1):
        rows = np.flatnonzero(label == value)
        one_hot = sparse.csr_array((np.ones(len(rows)), (np.arange(len(rows)), cell[rows])), shape=(len(rows), cells))
        both.append(Judged(sparse.hstack([one_hot, sparse.csr_array(sums[rows])], format="csr"), cells))
    return both[0], both[1]


def totals(judged: Judged, counts: Floats) -> Totals:
    """Total the rows of one class, `counts` of shape (draws, n) saying how often each row counts."""
    summed = np.asarray((judged.design.T @ counts.T).T)
    flagged, squared, log, probability = summed[:, judged.cells : judged.cells + 4].T
    money = summed[:, judged.cells + 4 :]
    return Totals(summed[:, : judged.cells], flagged, squared, log, probability, money)


def metrics(legitimate: Totals, fraud: Totals, weight: float) -> dict[str, Floats]:
    """Every metric, each of shape (draws,); `weight` is what one legitimate row counts for, a fraud counting 1.

    Precision, recall and F1 are 0 where nothing was flagged. Average precision is the step-wise sum of
    Davis and Goadrich, "The relationship between precision-recall and ROC curves", 2006, as scikit-learn's. Recall at
    a false-positive rate is the highest of any threshold that stays within it. At an alert rate, the highest scores
    are alerted until the capacity is used up, of a tie that does not fit a part: what a random order would alert.
    """
    frauds, others = fraud.cells.sum(1), weight * legitimate.cells.sum(1)
    everything = frauds + others
    found, false_alarms = np.cumsum(fraud.cells, 1), np.cumsum(legitimate.cells, 1)
    alarms = weight * false_alarms
    true_positives, false_positives = fraud.flagged, weight * legitimate.flagged
    false_negatives, true_negatives = frauds - true_positives, others - false_positives
    result = {
        "true_positives": true_positives,
        "false_positives": false_positives,
        "false_negatives": false_negatives,
        "true_negatives": true_negatives,
        "precision": _ratio(true_positives, true_positives + false_positives),
        "recall": true_positives / frauds,
        "f1": 2 * true_positives / (2 * true_positives + false_positives + false_negatives),
        "accuracy": (true_positives + true_negatives) / everything,
        "roc_auc": (weight * legitimate.cells * (found - fraud.cells / 2)).sum(1) / (frauds * others),
        "average_precision": (fraud.cells * _ratio(found, found + alarms)).sum(1) / frauds,
        "brier_score": (fraud.squared + weight * legitimate.squared) / everything,
        "log_loss": (fraud.log + weight * legitimate.log) / everything,
        "expected_to_observed": (fraud.probability + weight * legitimate.probability) / frauds,
    }
    for rate in FALSE_POSITIVE_RATES:
        # The weight cancels, and whole counts compare exactly.
        within = false_alarms <= rate * legitimate.cells.sum(1)[:, None]
        result[f"recall_at_fpr_{rate:g}"] = np.where(within, found, 0).max(1) / frauds
    for rate in ALERT_RATES:
        capacity = rate * everything
        cells = fraud.cells + weight * legitimate.cells
        room = capacity[:, None] - (np.cumsum(cells, 1) - cells)
        alerted = (fraud.cells * np.clip(_ratio(room, cells), 0, 1)).sum(1)
        result[f"precision_at_alert_rate_{rate:g}"] = alerted / capacity
        result[f"recall_at_alert_rate_{rate:g}"] = alerted / frauds
    if fraud.money.size:
        result |= savings(fraud.money + weight * legitimate.money)
    return result


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
