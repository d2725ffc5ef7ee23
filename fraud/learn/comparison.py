"""Paired comparison of cross-validated candidates, on the same rows and the same draws."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fraud.metrics.classification import Judged, judge
from fraud.metrics.intervals import Interval, bootstrap, interval, values

Scores = NDArray[np.float64]

# What a ranking alone decides; the proper scores need probabilities.
RANKING = ("average_precision", "roc_auc", "recall_at_fpr_0.01", "recall_at_alert_rate_0.001")
PROPER = ("log_loss", "brier_score")


@dataclass(frozen=True)
class Compared:
    """The metrics of one candidate, and its difference to the champion, which has none to itself."""

    metrics: dict[str, Interval]
    difference: dict[str, Interval]


def compare(
    scores: Mapping[str, Sequence[Scores]],
    champion: str,
    label: NDArray[np.int8],
    weight: float,
    draws: int,
    seed: int,
    wanted: Sequence[str] = RANKING,
) -> dict[str, Compared]:
    """The metrics of every candidate and their differences to the champion's, each with a 95% interval.

    Each round of cross-validation is one ranking of its rows; what is compared is the mean over the rounds. The
    interval says what other rows would have given, not what other folds would: those are averaged out.

    Args:
        scores: by candidate, an array of shape (n,) in [0, 1] for each round, NaN for rows that it does not judge,
            which are the same for every candidate; of all folds on one scale.
        champion: one of them.
        label: shape (n,), 0 or 1.
        weight: what one legitimate row counts for, a fraud counting 1.
    """
    rounds = len(scores[champion])
    value = {name: dict.fromkeys(wanted, 0.0) for name in scores}
    drawn = {name: dict.fromkeys(wanted, np.zeros(draws)) for name in scores}
    judges = np.isfinite(np.array(scores[champion]))
    drawn_from = judges.any(axis=0)
    # A row that two rounds judge is drawn as often for both, or their mean would seem to know more rows than there are.
    _, strata = np.unique(judges[:, drawn_from], axis=1, return_inverse=True)
    by_class = strata[label[drawn_from] == 0], strata[label[drawn_from] == 1]
    for k in range(rounds):
        judged = {name: _judged(label[drawn_from], of[k][drawn_from]) for name, of in scores.items()}
        found = bootstrap(judged, weight, draws, seed, by_class)
        for name in scores:
            once = values(judged[name], weight)
            value[name] = {metric: value[name][metric] + once[metric] / rounds for metric in wanted}
            drawn[name] = {metric: drawn[name][metric] + found[name][metric] / rounds for metric in wanted}
    return {
        name: Compared(
            {metric: interval(value[name][metric], drawn[name][metric]) for metric in wanted},
            {}
            if name == champion
            else {
                metric: interval(
                    value[name][metric] - value[champion][metric], drawn[name][metric] - drawn[champion][metric]
                )
                for metric in wanted
            },
        )
        for name in scores
    }


def _judged(label: NDArray[np.int8], score: Scores) -> tuple[Judged, Judged]:
    """As `judge`, a row without a score adding nothing."""
    rows = np.isfinite(score)
    both = judge(label[rows], score[rows], np.zeros(int(rows.sum()), np.int8))
    legitimate, fraud = (
        Judged(_with_empty_rows(judged.design, rows[label == value]), judged.cells) for value, judged in enumerate(both)
    )
    return legitimate, fraud


def _with_empty_rows(design: sparse.csr_array, filled: NDArray[np.bool_]) -> sparse.csr_array:
    each = np.zeros(len(filled), dtype=np.intp)
    each[filled] = np.diff(design.indptr)
    ends = np.concatenate([[0], np.cumsum(each)])
    return sparse.csr_array((design.data, design.indices, ends), shape=(len(filled), design.shape[1]))
