"""The page of the study: what was compared, on which rows, and what came of it, from `study.json` alone."""

from collections.abc import Sequence
from typing import Any

from fraud.report import pages, words
from fraud.report.canvas import INK, MODEL, MUTED, Chart, canvas, style, to_svg
from fraud.report.vocabulary import term, wording

_TITLES = {
    "random": "Random protocol: nested, stratified folds",
    "chronological": "Chronological protocol: each block of time judged by models of those before",
    "imbalance": "What to do about imbalance",
    "features": "What further columns add",
}
_SHOWN = ("average_precision", "roc_auc", "recall_at_fpr_0.01", "log_loss", "brier_score")


def page(study: dict[str, Any]) -> str:
    """One self-contained HTML page of the study, as `fraud.learn.experiments` records it."""
    with style():
        sections = [_section(name, study) for name in _TITLES if study[name] is not None]
        curve = None if study["learning_curve"] is None else _learning_curve(study["learning_curve"])
    random = study["random"]
    return pages.render(
        "experiments.html.j2",
        study=study,
        sections=sections,
        curve=curve,
        hardest=None if random is None else random["hardest"],
        hindsight=None if random is None else random["hindsight"],
    )


def _section(name: str, study: dict[str, Any]) -> dict[str, Any]:
    found = study[name]
    rows = sorted(found["table"], key=lambda row: -float(row["metrics"]["average_precision"]["value"]))
    # The one that all are compared with has no difference to itself.
    against = next(row["name"] for row in rows if not row["difference"])
    return {
        "id": name,
        "title": _TITLES[name],
        "against": against,
        "columns": [term(metric).label for metric in _SHOWN if metric in rows[0]["metrics"]],
        "rows": [_row(row) for row in rows],
        "chart": _intervals(name, rows, against),
    }


def _row(row: dict[str, Any]) -> dict[str, Any]:
    difference = row["difference"].get("average_precision")
    return {
        "name": row["name"],
        "description": row["description"],
        "served": row["served"],
        "cells": [words.with_interval(row["metrics"][metric]) for metric in _SHOWN if metric in row["metrics"]],
        "difference": "" if difference is None else words.with_interval(difference, signed=True),
        "wording": "" if difference is None else wording("average_precision", difference),
        "fit": f"{row['fit_seconds']:.1f} s",
        "answer": f"{row['answer_microseconds']:.1f} µs",
    }


def _intervals(name: str, rows: Sequence[dict[str, Any]], against: str) -> Chart:
    """The paired differences in average precision, best at the top."""
    figure, axes = canvas(f"average precision less that of {against}", "")
    figure.set_size_inches(6.4, 1.2 + 0.27 * len(rows))
    compared = [row for row in rows if row["difference"]]
    for k, row in enumerate(reversed(compared)):
        difference = row["difference"]["average_precision"]
        axes.plot([difference["low"], difference["high"]], [k, k], color=MODEL, linewidth=2)
        axes.plot([difference["value"]], [k], color=MODEL, marker="o", linestyle="none")
    axes.axvline(0, color=INK, linewidth=1)
    axes.set_yticks(range(len(compared)), [row["name"] for row in reversed(compared)])
    beaten = [row["name"] for row in compared if row["difference"]["average_precision"]["high"] < 0]
    ahead = [row["name"] for row in compared if row["difference"]["average_precision"]["low"] > 0]
    alt = (
        f"Paired differences in average precision to {against}, with 95% intervals. Worse beyond noise: "
        f"{', '.join(beaten) or 'none'}. Better beyond noise: {', '.join(ahead) or 'none'}."
    )
    return Chart(f"differences-{name}", "Paired differences with 95% intervals", alt, to_svg(figure))


def _learning_curve(points: Sequence[dict[str, Any]]) -> Chart:
    figure, axes = canvas("frauds that train", "average precision")
    frauds = [point["frauds"] for point in points]
    axes.fill_between(
        frauds, [point["low"] for point in points], [point["high"] for point in points], color=MUTED, alpha=0.25
    )
    axes.plot(frauds, [point["value"] for point in points], color=MODEL, marker="o")
    first, last = points[0], points[-1]
    alt = (
        f"Learning curve of the recipe: average precision {words.with_interval(first)} with {first['frauds']} frauds, "
        f"{words.with_interval(last)} with {last['frauds']}."
    )
    return Chart(
        "learning-curve", "Average precision against the frauds that train, with 95% intervals", alt, to_svg(figure)
    )
