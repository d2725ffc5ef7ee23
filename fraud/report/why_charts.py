"""The charts of what the model goes by, drawn from `importance` in `metrics.json`."""

from typing import Any

import numpy as np

from fraud.report import words
from fraud.report.canvas import INK, MODEL, MUTED, Chart, canvas, style, to_svg
from fraud.report.details import MOST
from fraud.report.evidence import Evidence
from fraud.report.tables import Table

# How the features of the second chart differ beside their place in the legend.
_LINES = ("-", "--", "-.", ":")
_MARKS = ("o", "^", "D", "s")


def why_charts(evidence: Evidence) -> dict[str, list[Chart]]:
    """By protocol: which features matter, and how the answer follows those that matter most."""
    with style():
        return {
            protocol: [
                _importance(protocol, judged["model"]["importance"]["features"]),
                _effects(protocol, judged["model"]["importance"]["effects"]),
            ]
            for protocol, judged in evidence.metrics["protocols"].items()
        }


def _importance(protocol: str, features: dict[str, Any]) -> Chart:
    ranked = sorted(features.items(), key=lambda item: item[1]["average_precision"]["value"])[-MOST:]
    figure, axes = canvas("average precision lost without it", "")
    for place, (_, found) in enumerate(ranked):
        lost = found["average_precision"]
        axes.plot([lost["low"], lost["high"]], [place, place], color=MODEL, linewidth=1.8)
        axes.plot([lost["value"]], [place], color=MODEL, marker="o", markersize=6)
    axes.axvline(0, color=MUTED, linewidth=1.2, linestyle=":")
    axes.set_yticks(range(len(ranked)), [name for name, _ in ranked])
    axes.grid(axis="y", visible=False)
    told = "; ".join(
        f"{name} {words.with_interval(found['average_precision'], signed=True)}" for name, found in ranked[:-4:-1]
    )
    alt = f"What average precision loses where a feature has the values of other rows. The most: {told}."
    return Chart(f"importance-{protocol}", "What it goes by: precision lost without a feature", alt, to_svg(figure))


def _effects(protocol: str, effects: dict[str, Any]) -> Chart:
    figure, axes = canvas("place of the value among the rows: lowest to highest", "mean contribution, log-odds")
    told, rows = [], []
    for (name, found), line, mark in zip(effects.items(), _LINES, _MARKS, strict=False):
        share = (np.cumsum(found["rows"]) - np.array(found["rows"]) / 2) / np.sum(found["rows"])
        axes.plot(share, found["contribution"], color=MODEL, linestyle=line, marker=mark, markersize=3.5, label=name)
        first, last = (f"{found['contribution'][end]:+.3g} at {words.number(found['value'][end])}" for end in (0, -1))
        told.append(f"{name}: {first}, {last}")
        bins = zip(found["value"], found["rows"], found["contribution"], strict=True)
        rows += [(name, *map(words.number, each)) for each in bins]
    axes.axhline(0, color=INK, linewidth=1)
    axes.set(xlim=(0, 1))
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=4)
    what = "How the answer follows the features that matter most, from their lowest values to their highest."
    alt = f"{what} {'; '.join(told)}."
    columns = ("Feature", "Value, mean", "Rows", "Contribution, log-odds")
    table = Table("How the answer follows them", columns, tuple(rows), "By bin of a feature's values, lowest first")
    return Chart(f"effects-{protocol}", "How the answer follows them", alt, to_svg(figure), table)
