"""The operating thresholds, chosen from out-of-fold scores of training rows by the rule that the settings name."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud.bundle import ByAmount, Thresholds
from fraud.costs import CostModel
from fraud.settings import Settings

Floats = NDArray[np.float64]
Labels = NDArray[np.int8]

_RULES = {"precision": "highest recall", "cost": "least cost", "by_amount": "least expected cost for each amount"}


@dataclass(frozen=True)
class Operating:
    """A threshold with the precision and recall it had on the rows it was chosen on, which flatter it.

    `reached` is False where it misses its target precision, or where by a rule of cost it flags nothing.
    """

    threshold: float
    precision: float
    recall: float
    reached: bool


@dataclass(frozen=True)
class Limits:
    """The largest share of the rows' weight that may be alerted; the least precision of alerts and of declines."""

    capacity: float = 1.0
    review: float = 0.0
    decline: float = 0.0


def choose(
    probability: Floats, label: Labels, amount: Floats, weight: float, settings: Settings
) -> tuple[Thresholds, dict[str, Any]]:
    """The thresholds by the rule of the settings, within their limits, and what is to be recorded of the choice.

    Args:
        probability: shape (n,), out-of-fold.
        label: shape (n,), 0 or 1, both present.
        amount: shape (n,), euros.
        weight: what one legitimate row counts for, a fraud counting 1.
    """
    rule, capacity = settings.threshold_rule, settings.alert_capacity or 1.0
    held = rule == "precision" or settings.precision_floor
    limits = Limits(capacity, settings.target_precision, settings.decline_precision) if held else Limits(capacity)
    if rule == "precision":
        review = highest_recall(probability, label, weight, limits.review, capacity)
        decline = highest_recall(probability, label, weight, limits.decline, capacity)
        chosen = Thresholds(review=review.threshold, decline=decline.threshold if decline.reached else None)
    else:
        find = least_cost if rule == "cost" else least_expected_cost
        chosen = find(probability, label, amount, weight, settings.costs, limits)
        lowest = chosen.review, 0.0 if chosen.decline is None else chosen.decline
        review, decline = (
            _operating(low, probability >= applied, label, weight)
            for low, applied in zip(lowest, chosen.applied(amount), strict=True)
        )
    words = [_RULES[rule]]
    if held:
        words.append(f"at a precision of {limits.review:g}")
    if settings.alert_capacity is not None:
        words.append(f"with alerts for at most {100 * capacity:g}% of rows")
    if limits != Limits() or rule != "by_amount":  # Elkan's rule as such looks at no row
        words.append("on out-of-fold scores")
    return chosen, {"rule": " ".join(words), "review": vars(review), "decline": vars(decline)}


def highest_recall(
    probability: Floats, label: Labels, weight: float, target_precision: float, capacity: float = 1.0
) -> Operating:
    """The threshold of the highest recall among those whose precision is at least `target_precision`.

    Of several the lowest: the precision to spare goes to frauds to come that score lower than any found here. It lies
    midway between two neighbouring distinct scores. Where no threshold within the capacity reaches the target, the one
    of the highest precision is taken and `reached` is False.

    Args:
        probability: shape (n,), out-of-fold.
        label: shape (n,), 0 or 1, both present.
        weight: what one legitimate row counts for, a fraud counting 1.
        capacity: largest share of the rows' weight that may be at or above the threshold.
    """
    sweep = _Sweep(probability, label, weight)
    within = sweep.flagged <= capacity * sweep.flagged[-1]
    enough = np.flatnonzero((sweep.precision >= target_precision) & within)
    taken = enough[-1] if len(enough) else int(np.argmax(np.where(within, sweep.precision, -1)))
    threshold = sweep.midway(taken)
    return _operating(threshold, probability >= threshold, label, weight, reached=len(enough) > 0)


def least_cost(
    probability: Floats, label: Labels, amount: Floats, weight: float, costs: CostModel, limits: Limits
) -> Thresholds:
    """The two thresholds, the same for all amounts, with which these very rows cost least; of equals, the highest.

    Each lies midway between two neighbouring distinct scores; within the limits it is always possible to flag nothing.
    """
    sweep = _Sweep(probability, label, weight)
    approve, review, decline = costs.of(label, amount) * np.where(label == 1, 1.0, weight)
    # What it adds to the cost to review, then to decline, the rows above each threshold: two choices that meet only in
    # that no more rows can be declined than are alerted.
    within = (sweep.flagged <= limits.capacity * sweep.flagged[-1]) & sweep.reaches(limits.review)
    reviewing = np.where(within, sweep.total(review - approve), np.inf)
    declining = np.where(sweep.reaches(limits.decline), sweep.total(decline - review), np.inf)
    alerted = int(np.argmin(reviewing + np.minimum.accumulate(declining)))
    declined = int(np.argmin(declining[: alerted + 1]))
    return Thresholds(review=sweep.midway(alerted), decline=sweep.midway(declined) if declined else None)


def least_expected_cost(
    probability: Floats, label: Labels, amount: Floats, weight: float, costs: CostModel, limits: Limits
) -> Thresholds:
    """For each amount the thresholds at which another decision is expected to cost less: Elkan's rule.

    The rows have a say in the limits alone. A capacity raises the price of an alert until the alerts that save most are
    as many as fit; a precision is the lowest probability with which any amount may be flagged.
    """
    free = ByAmount(costs=costs, alert_price=0.0)
    floor = _floor(probability, label, weight, probability >= costs.thresholds(amount)[0], limits.review)
    price = _price(probability, label, amount, weight, costs, floor, limits.capacity)
    rule = Thresholds(review=floor, decline=None, by_amount=free.model_copy(update={"alert_price": price}))
    alerted = probability >= rule.applied(amount)[0]
    # The price may have crowded out small amounts that were surely frauds: the precision is sought once more.
    floor = max(floor, _floor(probability, label, weight, alerted, limits.review))
    rule = rule.model_copy(update={"review": floor, "decline": 0.0})
    declined = probability >= rule.applied(amount)[1]
    lowest = _floor(probability, label, weight, declined, limits.decline)
    return rule.model_copy(update={"decline": lowest if lowest <= 1 else None})


def _floor(probability: Floats, label: Labels, weight: float, flagged: NDArray[np.bool_], precision: float) -> float:
    """The lowest probability with which the `flagged` rows are of this precision: 0 where they are so as they stand,
    above 1 where none of them reaches it.
    """
    sweep = _Sweep(probability[flagged], label[flagged], weight)
    most = int(np.flatnonzero(sweep.reaches(precision))[-1])
    return 0.0 if most == len(sweep.distinct) else sweep.midway(most)


def _price(
    probability: Floats,
    label: Labels,
    amount: Floats,
    weight: float,
    costs: CostModel,
    floor: float,
    capacity: float,
) -> float:
    """The least price of an alert at which those that still pay keep within the capacity, in euros."""
    legitimate, fraud = costs.matrix(amount)
    expected = (1 - probability) * legitimate + probability * fraud
    saved = expected[0] - expected[1:].min(0)
    pays = (saved >= 0) & (probability >= floor)
    room = capacity * np.where(label == 1, 1.0, weight).sum()
    sweep = _Sweep(saved[pays], label[pays], weight)
    fits = int(np.flatnonzero(sweep.flagged <= room)[-1])
    return 0.0 if fits == len(sweep.distinct) else sweep.midway(fits, beyond=float(sweep.distinct[0]) + 1)


class _Sweep:
    """Rows flagged by descending score, one distinct score after the other: entry k of an array is for the first k."""

    def __init__(self, score: Floats, label: Labels, weight: float) -> None:
        self._order = np.argsort(-score, kind="stable")
        ranked = score[self._order]
        self._ends = np.flatnonzero(np.diff(ranked, append=-np.inf))
        self.distinct = ranked[self._ends]
        found = self.total(label == 1)
        self.flagged = found + weight * self.total(label == 0)
        self.precision = np.divide(found, self.flagged, out=np.zeros(len(found)), where=self.flagged > 0)

    def total(self, each: NDArray[Any]) -> NDArray[Any]:
        """Sums of `each`, shape (n,), over the rows flagged."""
        return np.append(0, np.cumsum(each[self._order])[self._ends])

    def reaches(self, precision: float) -> NDArray[np.bool_]:
        """Whether what is flagged has this precision; nothing has any."""
        reached: NDArray[np.bool_] = (self.precision >= precision) | (self.flagged == 0)
        return reached

    def midway(self, flagged: int, beyond: float = float(np.nextafter(1, 2))) -> float:
        """The threshold midway between the first k distinct scores and the next; `beyond` all of them where k is 0."""
        if flagged == 0:
            return beyond
        upper = self.distinct[flagged - 1]
        lower = self.distinct[flagged] if flagged < len(self.distinct) else 0.0
        middle = (upper + lower) / 2
        # Between two neighbouring floats there is none: their mean may round to the lower one.
        return float(middle if middle > lower else upper)


def _operating(
    threshold: float, flagged: NDArray[np.bool_], label: Labels, weight: float, reached: bool | None = None
) -> Operating:
    found, alarms = int((flagged & (label == 1)).sum()), int((flagged & (label == 0)).sum())
    return Operating(
        threshold=threshold,
        precision=found / (found + weight * alarms) if flagged.any() else 0.0,
        recall=found / int((label == 1).sum()),
        reached=bool(flagged.any()) if reached is None else reached,
    )
