"""Intervals where the rows show no exception at all: rows drawn from them can't show one either."""

from collections.abc import Mapping

from fraud.metrics.intervals import Interval
from fraud.metrics.weights import weighted_share


def widened(figures: Mapping[str, Interval], frauds: int, legitimate: int, weight: float) -> dict[str, Interval]:
    """Metrics with their bootstrap intervals, of which those of no width at the end of their range get an exact one.

    Where k of n is all or none, its other end is that of Clopper and Pearson, "The use of confidence or fiducial limits
    illustrated in the case of the binomial", 1934: 0.025^(1 / n), or 1 less that. Of frauds that score above every
    legitimate row so large a share may be all that does, which bounds ROC-AUC and average precision, too.

    Args:
        figures: by metric, as `Paired` draws them.
        frauds, legitimate: rows that judge.
        weight: what one legitimate row counts for, a fraud counting 1.
    """
    wide = {name: dict(figure) for name, figure in figures.items()}

    def at(name: str, value: float) -> bool:
        return wide[name]["value"] == value and wide[name]["low"] == wide[name]["high"]

    found, alarms = wide["true_positives"]["value"], wide["false_positives"]["value"]
    _all_or_none(wide["true_positives"], wide["false_negatives"], frauds, 1)
    _all_or_none(wide["false_positives"], wide["true_negatives"], legitimate, weight)
    for name in ("recall", "average_precision", *(name for name in wide if name.startswith("recall_at_"))):
        if at(name, 1):
            wide[name]["low"] = _least(frauds)
        elif at(name, 0):
            wide[name]["high"] = 1 - _least(frauds)
    if at("roc_auc", 1):
        wide["roc_auc"]["low"] = _least(min(frauds, legitimate))
    if at("precision", 1):
        wide["precision"]["low"] = weighted_share(_least(found), weight)
    elif at("precision", 0):
        # Of no alert nothing is known.
        wide["precision"]["high"] = weighted_share(1 - _least(alarms / weight), weight) if alarms else 1.0
    for end, value in (("low", 1), ("high", 0)):
        if at("f1", value):
            precision, recall = wide["precision"][end], wide["recall"][end]
            wide["f1"][end] = 2 * precision * recall / (precision + recall)
    if at("accuracy", 1):
        right = wide["true_positives"]["low"] + wide["true_negatives"]["low"]
        wide["accuracy"]["low"] = right / (frauds + weight * legitimate)
    return wide


def _all_or_none(flagged: Interval, others: Interval, rows: int, weight: float) -> None:
    """Widen the counts of one class where all of its rows are flagged, or none is."""
    every, beyond = rows * weight, rows * weight * (1 - _least(rows))
    for all_, none in ((flagged, others), (others, flagged)):
        if none["value"] == 0:
            none["high"], all_["low"] = beyond, every - beyond


def _least(rows: float) -> float:
    """The lowest share, at 95%, of which so many rows could be all."""
    return float(0.025 ** (1 / rows))
