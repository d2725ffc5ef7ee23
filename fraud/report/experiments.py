"""The page of the study: what was compared, on which rows, and what came of it, from `study.json` alone."""

from typing import Any

from fraud.report import pages, study_charts, words
from fraud.report.canvas import Chart, style
from fraud.report.choice import recipe
from fraud.report.vocabulary import term, wording

_TITLES = {
    "random": "Random protocol: nested, stratified folds",
    "chronological": "Chronological protocol: each block of time judged by models of those before",
    "imbalance": "What to do about imbalance",
    "imbalance_later": "The same forward in time",
    "features": "What further columns add",
    "features_later": "The same of columns, forward in time",
}
_SHOWN = ("average_precision", "roc_auc", "recall_at_fpr_0.01", "log_loss", "brier_score")
# Those that a recipe has to be ahead of.
_RIVALS = ("forest", "lightgbm-defaults", "catboost-defaults")


def page(study: dict[str, Any]) -> str:
    """One self-contained HTML page of the study, as `fraud.learn.experiments` records it."""
    with style():
        sections = [_section(name, study[name]) for name in _TITLES if study[name] is not None]
        points = study["learning_curve"]
        curve = None if points is None else study_charts.learning_curve(points)
    random = study["random"]
    return pages.render(
        "experiments.html.j2",
        study=study,
        sections=sections,
        curve=curve,
        recipe=recipe(study["recipe"], study["synthetic"]),
        hardest=None if random is None else random["hardest"],
        hindsight=None if random is None else random["hindsight"],
    )


def _section(name: str, found: dict[str, Any]) -> dict[str, Any]:
    rows = sorted(found["table"], key=lambda row: -float(row["metrics"]["average_precision"]["value"]))
    # The one that all are compared with has no difference to itself.
    against = next(row["name"] for row in rows if not row["difference"])
    return {
        "id": name,
        "title": _TITLES[name],
        "against": against,
        "recipe": _ahead(found["recipe"]) if "recipe" in found else "",
        "columns": [term(metric).label for metric in _SHOWN],
        "rows": [_row(row) for row in rows],
        "charts": [study_charts.differences(name, rows, against), *_curves(name, found)],
    }


def _curves(name: str, found: dict[str, Any]) -> list[Chart]:
    """Of the protocols only: comparisons on the side have none."""
    if "recipe" not in found:
        return []
    stressed = found["recipe"]["name"]
    ranks = found["critical_differences"]
    return [
        study_charts.precision_recall(name, found["precision_recall"], stressed),
        study_charts.cost_curve(name, found["cost_curve"], stressed),
        *([] if ranks is None else [study_charts.ranks(name, ranks)]),
    ]


def _ahead(found: dict[str, Any]) -> str:
    """By how much the recipe is ahead of what it has to beat, in words."""
    told = []
    for rival in _RIVALS:
        if rival in found["advantage"]:
            ahead = found["advantage"][rival]["average_precision"]
            told.append(f"{words.with_interval(ahead, signed=True)} to {rival}, {wording('average_precision', ahead)}")
    return f"The recipe, {found['name']}, differs in average precision by {'; by '.join(told)}." if told else ""


def _row(row: dict[str, Any]) -> dict[str, Any]:
    difference = row["difference"].get("average_precision")
    return {
        "name": row["name"],
        "description": row["description"],
        "served": row["served"],
        "cells": [words.with_interval(row["metrics"][metric]) for metric in _SHOWN],
        "difference": "" if difference is None else words.with_interval(difference, signed=True),
        "wording": "" if difference is None else wording("average_precision", difference),
        "fit": f"{row['fit_seconds']:.1f} s",
        "answer": f"{row['answer_microseconds']:.1f} µs",
        "graph": "–" if row["bytes"] is None else f"{row['bytes'] / 1024:,.0f} KiB",
    }
