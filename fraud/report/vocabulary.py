"""What each metric is called, what it means, and which way is better."""

import re
from dataclasses import dataclass
from typing import Literal

from fraud.report.words import Figure, percent


@dataclass(frozen=True)
class Term:
    """A metric in words; `better` is `None` where more of it is neither better nor worse by itself."""

    label: str
    meaning: str
    better: Literal["higher", "lower"] | None = "higher"


_TERMS = {
    "true_positives": Term("True positives", "frauds that raise an alert", None),
    "false_positives": Term("False positives", "legitimate transactions that raise an alert", "lower"),
    "false_negatives": Term("False negatives", "frauds that pass", "lower"),
    "true_negatives": Term("True negatives", "legitimate transactions that pass", None),
    "precision": Term("Precision", "share of alerts that are frauds"),
    "recall": Term("Recall", "share of frauds that raise an alert"),
    "f1": Term("F1", "harmonic mean of precision and recall"),
    "accuracy": Term("Accuracy", "share of right predictions; says little where frauds are rare"),
    "roc_auc": Term("ROC-AUC", "chance that a fraud scores above a legitimate transaction"),
    "average_precision": Term("Average precision", "precision averaged over all recalls"),
    "brier_score": Term("Brier score", "mean squared error of the probabilities", "lower"),
    "log_loss": Term("Log loss", "mean surprise at the outcome, given the probabilities", "lower"),
    "cost": Term("Cost", "euros that the decisions cost, by the cost model of the settings", "lower"),
    "savings": Term("Savings", "euros that the decisions cost less than approving everything would"),
    "savings_share": Term("Share of attainable savings", "savings, of those that a perfect model would make"),
    "expected_to_observed": Term(
        "Expected to observed", "frauds that the probabilities add up to, for each one there is; 1 is right", None
    ),
}

_SIGNIFICANT = 0.05

_AT = re.compile(r"(precision|recall)_at_(fpr|alert_rate)_([0-9.e-]+)")


def term(metric: str) -> Term:
    """The words for a metric of `metrics.json`; one that is unknown keeps its name, and nothing is said of it."""
    if metric in _TERMS:
        return _TERMS[metric]
    at = _AT.fullmatch(metric)
    if at is None:
        return Term(metric, "", None)
    kind, limit, share = at[1].capitalize(), at[2], percent(float(at[3]))
    if limit == "fpr":
        return Term(
            f"{kind} at {share} false alarms", f"where at most {share} of legitimate transactions raise an alert"
        )
    return Term(f"{kind} at {share} alerts", f"where {share} of all transactions can be looked at")


def wording(metric: str, difference: Figure) -> str:
    """What the paired difference from the reference says: "better", "worse", "within noise", or nothing.

    A difference counts only where its whole interval lies on one side of 0, and its `p`, if it has one, below 0.05.
    """
    better = term(metric).better
    if better is None:
        return ""
    if difference["low"] <= 0 <= difference["high"] or difference.get("p", 0) >= _SIGNIFICANT:
        return "within noise"
    return "better" if (difference["low"] > 0) == (better == "higher") else "worse"
