"""The hardest cases: the dearest frauds that were missed and the surest false alarms, each with its reasons."""

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud.evaluate.judged import Judged

_MOST = 10


def hardest(judged: Judged) -> dict[str, list[dict[str, Any]]]:
    """Up to ten `missed_frauds`, the largest amount first, and `false_alarms`, the highest probability first.

    Of equals the earlier row comes first.
    """
    missed = (judged.label == 1) & (judged.scores["model"].prediction == 0)
    alarms = (judged.label == 0) & (judged.scores["model"].prediction == 1)
    return {
        "missed_frauds": _cases(judged, _largest(missed, judged.amount)),
        "false_alarms": _cases(judged, _largest(alarms, judged.scores["model"].probability)),
    }


def _largest(among: NDArray[np.bool_], by: NDArray[np.float64]) -> NDArray[np.intp]:
    rows = np.flatnonzero(among)
    return rows[np.argsort(-by[rows], kind="stable")[:_MOST]]


def _cases(judged: Judged, rows: NDArray[np.intp]) -> list[dict[str, Any]]:
    scores, time = judged.scores["model"], judged.time
    reasons = judged.scorers["model"].reasons(judged.features[rows]) if len(rows) else []
    return [
        {
            "row": int(judged.rows[row]),
            "time": float(time[row]),
            "amount": float(judged.amount[row]),
            "probability": float(scores.probability[row]),
            "threshold": float(scores.threshold[row]),
            "decision": str(scores.decision[row]),
            "reasons": [asdict(reason) for reason in of_row],
        }
        for row, of_row in zip(rows, reasons, strict=True)
    ]
