"""How the model was chosen, calibrated and given its thresholds, in words."""

from typing import Any

from fraud.report import words
from fraud.report.vocabulary import wording

_CALIBRATIONS = {"shift": "a shift", "platt": "Platt's calibration", "beta": "beta calibration"}

_MORE_ROWS = {
    "worse": "fewer rows are worse, so more of them would probably help",
    "within noise": "within noise, so these rows don't tell whether more of them would help",
    "better": "better than with all of them, which wants a look at the rows",
}


def recipe(found: dict[str, Any], synthetic: bool) -> dict[str, Any]:
    """The recipe with what it was chosen on in words; `warning` where the figures of this run flatter it.

    `note` is that, or that it may be so: another file may hold some of the rows that it was chosen on.
    """
    on = found["chosen_on"]
    rows = f"{on['rows']:,} rows with {on['frauds']:,} frauds (digest {on['digest'][:12]})"
    warning = "Recipe chosen on these rows: optimistic." if found["optimistic"] else ""
    unknown = "" if synthetic else "Whether this file holds some of those is not known: figures of shared rows flatter."
    return {**found, "rows": rows, "warning": warning, "note": warning or unknown}


def training(record: dict[str, Any]) -> dict[str, Any]:
    """How one protocol's model came about, by its record in `training.json`."""
    selection = record["selection"]
    return {
        "name": record["name"],
        "rows": record["training"]["rows"],
        "frauds": record["training"]["frauds"],
        "rule": selection["rule"],
        "folds": selection["folds"],
        "candidates": [_candidate(candidate) for candidate in record["candidates"]],
        "learning": _learning(record["learning_curve"]),
        "logistic": _logistic(record["logistic"]),
        "calibration": _calibration(selection["calibration"]),
        "thresholds": {
            name: _operating(name, selection[name], "by_amount" in record["thresholds"])
            for name in ("review", "decline")
        },
    }


def _candidate(record: dict[str, Any]) -> dict[str, Any]:
    difference = record["difference"]
    return {
        "name": record["name"],
        "description": record["description"],
        "average_precision": words.rounded(record["average_precision"]),
        "difference": None if difference is None else words.rounded(difference, signed=True),
        "wording": None if difference is None else wording("average_precision", difference),
        "by_fold": ", ".join(f"{fold:.3f}" for fold in record["by_fold"]),
        "time": f"{record['seconds']:.1f} s",
    }


def _learning(points: list[dict[str, Any]]) -> str:
    """What fewer rows would have given, and what that says of more."""
    if not points:
        return ""
    *_, half, whole = points
    return (
        f"Fitted on half of the training rows, {half['frauds']} frauds instead of {whole['frauds']}, it differs in "
        f"average precision by {words.with_interval(half['difference'], signed=True)}: "
        f"{_MORE_ROWS[wording('average_precision', half['difference'])]}"
    )


def _logistic(record: dict[str, Any]) -> str:
    """What tuning found for the logistic regression that the model stands beside."""
    selection = record["selection"]
    tuned = ", ".join(f"{name} = {words.number(value)}" for name, value in selection["tuned"].items())
    return f"{selection['candidates'][0]['description']} on these rows ({tuned})"


def _calibration(found: dict[str, Any]) -> str:
    losses = ", ".join(f"{_CALIBRATIONS[kind]} {words.number(loss)}" for kind, loss in found["log_loss"].items())
    rule = "of more parameters only where that is better by more than one standard error"
    return f"{_CALIBRATIONS[found['kind']]}, chosen by cross-validated log loss, {rule}: {losses}"


def _operating(decision: str, operating: dict[str, Any], by_amount: bool) -> str:
    """A threshold in words, with what it was worth on the rows that it was chosen on."""
    if operating["recall"] == 0:
        return "by this rule, nothing is"
    at = f"at a probability of {words.number(operating['threshold'])} and above"
    if by_amount:
        at = f"at a probability that depends on the amount, of at least {words.number(operating['threshold'])}"
    worth = (
        f"precision {operating['precision']:.3f} and recall {operating['recall']:.3f} on the out-of-fold rows that it "
        "was chosen on, which flatter it"
    )
    if operating["reached"]:
        return f"{at}: {worth}"
    missed = "no threshold reached its target precision"
    return f"{missed}, so none is" if decision == "decline" else f"{at}: {missed}, this is the nearest: {worth}"
