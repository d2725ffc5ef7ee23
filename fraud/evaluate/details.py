"""What a reviewer asks of the model beyond its metrics: where it stands, where it fails, what it goes by."""

from typing import Any

import numpy as np

from fraud import schema
from fraud.costs import CostModel
from fraud.evaluate.drifted import drifted
from fraud.evaluate.hardest import hardest
from fraud.evaluate.importance import importance
from fraud.evaluate.judged import Judged
from fraud.metrics.money import ledger
from fraud.metrics.operating_points import operating_point, operating_points
from fraud.metrics.sensitivity import sensitivity
from fraud.metrics.slices import slices
from fraud.settings import Settings

_AMOUNTS = (10.0, 50.0, 100.0, 500.0)
_HOURS = (6.0, 12.0, 18.0)


def details(judged: Judged, weight: float, settings: Settings) -> dict[str, Any]:
    """Of the role "model": `operating_points`, `slices`, `hardest`, `importance`, `drift` and `sensitivity`.

    Args:
        weight: what one legitimate row counts for, a fraud counting 1.
    """
    draws, seed = settings.bootstrap_draws, settings.seed
    decision = judged.scores["model"].decision
    return {
        "operating_points": _operating_points(judged, weight, settings.costs),
        "slices": _slices(judged, weight, draws, seed),
        "hardest": hardest(judged),
        "importance": importance(judged, weight, draws, seed),
        "drift": drifted(judged, weight),
        "sensitivity": sensitivity(decision, judged.label, judged.amount, settings.costs, weight, draws, seed),
    }


def _operating_points(judged: Judged, weight: float, costs: CostModel) -> dict[str, Any]:
    """What one threshold for all amounts would bring, and what the chosen rule does.

    An alert is declined where the chosen rule would decline the transaction, and reviewed elsewhere. So the savings at
    a threshold are those of the rule that reviews from there on, and at the chosen one they are the model's.
    """
    scores, thresholds = judged.scores["model"], judged.manifest("model").thresholds
    _, decline = thresholds.applied(judged.amount)
    alerted = np.where(scores.probability >= decline, "decline", "review")
    of_alerts, of_decisions = (
        ledger(decision, judged.label, judged.amount, costs) for decision in (alerted, scores.decision)
    )
    also = [] if thresholds.by_amount else [thresholds.review, thresholds.decline]
    return {
        "points": operating_points(
            judged.label, scores.probability, of_alerts, weight, [each for each in also if each is not None]
        ),
        "chosen": operating_point(judged.label, scores.prediction, of_decisions, weight),
    }


def _slices(judged: Judged, weight: float, draws: int, seed: int) -> dict[str, Any]:
    """By amount in euros, by hour of the file's day, and by half of the period that the rows lie in, in seconds."""
    along = {
        "amount": (judged.amount, _AMOUNTS),
        "hour": (judged.time % schema.SECONDS_PER_DAY / 3600, _HOURS),
        "period": (judged.time, (float(judged.time.min() + judged.time.max()) / 2,)),
    }
    scores = judged.scores["model"]
    return {
        name: slices(judged.label, scores.probability, scores.prediction, values, edges, weight, draws, seed)
        for name, (values, edges) in along.items()
    }
