"""The charts of the model's quality, drawn from the curves and metrics of `metrics.json` and from `scores.parquet`."""

from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter
from numpy.typing import ArrayLike, NDArray

from fraud.report import words
from fraud.report.canvas import INK, LOGISTIC, MODEL, MUTED, REFERENCE, Chart, canvas, style, to_svg
from fraud.report.evidence import Evidence
from fraud.report.study_charts import learning_curve
from fraud.report.tables import Table, of_curves
from fraud.report.vocabulary import wording

# How the model and what it stands beside differ beside their colour.
_LOOKS: dict[str, dict[str, Any]] = {
    "model": {"color": MODEL, "linestyle": "-", "marker": "o"},
    "logistic": {"color": LOGISTIC, "linestyle": (0, (6, 1.5, 1, 1.5)), "marker": "^"},
    "reference": {"color": REFERENCE, "linestyle": (0, (4, 2)), "marker": "D"},
}
_LINES = {"model": "solid", "logistic": "dash-dotted", "reference": "dashed"}
_MARKS = {"model": "discs", "logistic": "triangles", "reference": "diamonds"}
# Where axes of rates and probabilities end, since neither a logarithm nor log-odds can show 0 or 1.
_RAREST = 1e-5


def charts(evidence: Evidence) -> dict[str, list[Chart]]:
    """By protocol, the charts to be shown, in order."""
    with style():
        return {
            protocol: [
                _precision_recall(protocol, judged),
                _roc(protocol, judged),
                _reliability(protocol, judged),
                _distribution(protocol, judged, evidence.scores[evidence.scores["protocol"] == protocol]),
                *_learning(evidence.training["protocols"][protocol]["learning_curve"]),
            ]
            for protocol, judged in evidence.metrics["protocols"].items()
        }


def _precision_recall(protocol: str, judged: dict[str, Any]) -> Chart:
    figure, axes = canvas("recall: share of frauds found", "precision: share of alerts that are frauds")
    for role, look in _LOOKS.items():
        points = judged[role]["curves"]["precision_recall"]
        # The precision of a point holds for all recalls down to the point before it.
        recall, precision = [0.0, *points["recall"]], [points["precision"][0], *points["precision"]]
        axes.plot(recall, precision, drawstyle="steps-pre", label=judged[role]["name"], **_line(look))
        figures = judged[role]["metrics"]
        _mark(axes, figures["recall"]["value"], figures["precision"]["value"], look)
    _band(axes, judged["model"], "precision_recall", "recall", step="pre")
    axes.plot([], [], color=INK, marker="o", linestyle="none", markersize=7, label="at its threshold")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.04))
    _legend(axes)
    return Chart(
        f"precision-recall-{protocol}",
        f"Precision and recall; shaded: 95% band of {judged['model']['name']}",
        _finding("Precision-recall curves", "average precision", "average_precision", judged),
        to_svg(figure),
        _curves("Precision and recall", "Precision where a recall is reached", judged, "precision_recall", "recall"),
    )


def _roc(protocol: str, judged: dict[str, Any]) -> Chart:
    figure, axes = canvas("false-positive rate, logarithmic", "recall: share of frauds found")
    for role, look in _LOOKS.items():
        points = judged[role]["curves"]["roc"]
        rate = np.maximum([0.0, *points["false_positive_rate"], 1.0], _RAREST)
        found = [0.0, *points["true_positive_rate"], 1.0]
        axes.plot(rate, found, drawstyle="steps-post", label=judged[role]["name"], **_line(look))
    _band(axes, judged["model"], "roc", "false_positive_rate", step="post")
    chance = np.geomspace(_RAREST, 1, 100)
    axes.plot(chance, chance, color=MUTED, linewidth=1.2, linestyle=":", label="chance")
    axes.set(xscale="log", xlim=(_RAREST, 1), ylim=(-0.02, 1.04))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: words.percent(rate)))
    _legend(axes)
    return Chart(
        f"roc-{protocol}",
        f"ROC curves; shaded: 95% band of {judged['model']['name']}",
        _finding("ROC curves on a logarithmic axis", "ROC-AUC", "roc_auc", judged),
        to_svg(figure),
        _curves("ROC curves", "The highest recall within a rate", judged, "roc", "false_positive_rate"),
    )


def _band(axes: Axes, model: dict[str, Any], curve: str, along: str, step: Literal["pre", "post"]) -> None:
    """Of the model alone: three bands would hide each other, and differences are told with their own intervals."""
    band = model["bands"][curve]
    axes.fill_between(band[along], band["low"], band["high"], color=MODEL, alpha=0.2, linewidth=0, step=step)


def _curves(title: str, what: str, judged: dict[str, Any], curve: str, along: str) -> Table:
    at = map(words.percent, judged["model"]["bands"][curve][along])
    curves = [(judged[role]["name"], judged[role]["bands"][curve]) for role in _LOOKS]
    heading = along.replace("_", " ").capitalize()
    return of_curves(title, heading, at, curves, f"{what}. In brackets: pointwise 95% intervals")


def _reliability(protocol: str, judged: dict[str, Any]) -> Chart:
    figure, axes = canvas("predicted probability, mean of bin", "observed share of frauds")
    diagonal = _log_odds([_RAREST, 1 - _RAREST])
    axes.plot(diagonal, diagonal, color=MUTED, linewidth=1.2, linestyle=":", label="as predicted")
    for role, look in _LOOKS.items():
        points = judged[role]["curves"]["reliability"]
        predicted, observed = (_log_odds(points[name]) for name in ("predicted", "observed"))
        rows = np.add(points["frauds"], points["legitimate"])
        filled = {"color": look["color"]} if role == "model" else {"facecolor": "none", "edgecolor": look["color"]}
        size = 14 * (1 + np.log10(rows))
        axes.scatter(predicted, observed, size, marker=look["marker"], linewidth=1.6, zorder=3, **filled)
        axes.scatter([], [], 40, marker=look["marker"], linewidth=1.6, label=judged[role]["name"], **filled)
    ends = diagonal * 1.07
    axes.set(xlim=ends, ylim=ends)
    _probabilities(axes.xaxis, 30)
    _probabilities(axes.yaxis, 0)
    _legend(axes)
    model = judged["model"]
    ratio = words.with_interval(model["metrics"]["expected_to_observed"])
    alt = (
        f"Reliability diagram of {_names(judged, _MARKS)} on the scale of log-odds: the larger a mark, "
        f"the more rows. The probabilities of {model['name']} add up to {ratio} frauds for "
        "each one there is; 1 is right."
    )
    title = "Reliability: the larger a mark, the more rows"
    return Chart(f"reliability-{protocol}", title, alt, to_svg(figure), _bins(judged))


def _bins(judged: dict[str, Any]) -> Table:
    rows = [
        (judged[role]["name"], words.percent(predicted), words.percent(observed), *map(words.number, counts))
        for role in _LOOKS
        for predicted, observed, *counts in zip(*judged[role]["curves"]["reliability"].values(), strict=True)
    ]
    columns = ("", "Predicted, mean", "Observed", "Frauds", "Legitimate")
    return Table("Reliability", columns, tuple(rows), "By bin of the probability, with the counts of rows")


def _distribution(protocol: str, judged: dict[str, Any], scores: pd.DataFrame) -> Chart:
    figure, axes = canvas("probability of fraud, on the scale of log-odds", "share of the class in the bin")
    # From end to end as they are clipped, to the last digit: what lies there is to be counted.
    lowest, highest = _log_odds([_RAREST, 1 - _RAREST])
    edges = np.linspace(lowest, highest, 46).tolist()
    looks: dict[int, tuple[str, dict[str, Any]]] = {
        0: ("legitimate", {"color": MODEL, "alpha": 0.55}),
        1: ("fraud", {"facecolor": "none", "edgecolor": REFERENCE, "hatch": "////", "linewidth": 1.4}),
    }
    drawn = []
    for label, (name, look) in looks.items():
        probability = scores.loc[scores["label"] == label, "probability"].to_numpy()
        shares = np.full(len(probability), 1 / len(probability))
        found, *_ = axes.hist(_log_odds(probability), edges, weights=shares, label=name, histtype="stepfilled", **look)
        drawn.append(map(_share, np.asarray(found)))
    thresholds, at = judged["model"]["thresholds"], "the threshold of each amount"
    if "by_amount" not in thresholds:
        threshold = thresholds["review"]
        at = f"the threshold of {threshold:.3g}"
        axes.axvline(float(_log_odds(threshold)), color=INK, linewidth=1.4, label=f"threshold {threshold:.3g}")
    _probabilities(axes.xaxis, 30)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: words.percent(share)))
    _legend(axes)
    figures = judged["model"]["metrics"]
    alt = (
        f"Distribution of the model's scores by class. At and above {at} lie "
        f"{words.number(figures['true_positives']['value'])} of {judged['frauds']:,} frauds; recall "
        f"{words.with_interval(figures['recall'])}, precision {words.with_interval(figures['precision'])}."
    )
    ends = [_share(1 / (1 + np.exp(-edge))) for edge in edges[1:-1]]
    bins = [f"below {ends[0]}", *(f"{low} to {high}" for low, high in pairwise(ends)), f"{ends[-1]} and above"]
    columns = ("Probability", *(name.capitalize() for name, _ in looks.values()))
    table = Table("Scores by class", columns, tuple(zip(bins, *drawn, strict=True)), "Shares of each class")
    return Chart(f"scores-{protocol}", "Scores by class", alt, to_svg(figure), table)


def _share(share: float) -> str:
    """As a percentage that is as precise near 1 as near 0."""
    return words.percent(share) if share <= 0.5 else f"{100 - float(f'{100 * (1 - share):.3g}'):.10g}%"


def _learning(points: list[dict[str, Any]]) -> list[Chart]:
    worth = [{"frauds": point["frauds"], **point["average_precision"]} for point in points]
    return [learning_curve(worth)] if points else []


def _log_odds(probability: ArrayLike) -> NDArray[np.float64]:
    clipped = np.clip(probability, _RAREST, 1 - _RAREST)
    return np.asarray(np.log(clipped / (1 - clipped)))


def _probabilities(axis: Axis, rotation: float) -> None:
    """Ticks of an axis of log-odds, its ends standing for all that lies beyond."""
    ticks = (_RAREST, 0.001, 0.1, 0.5, 0.9, 0.999, 1 - _RAREST)
    names = ["≤ 0.001%", *(f"{100 * tick:g}%" for tick in ticks[1:-1]), "≥ 99.999%"]
    axis.set_ticks(_log_odds(ticks), names, rotation=rotation)


def _line(look: dict[str, Any]) -> dict[str, Any]:
    return {"color": look["color"], "linestyle": look["linestyle"], "linewidth": 1.8}


def _mark(axes: Axes, x: float, y: float, look: dict[str, Any]) -> None:
    axes.plot([x], [y], color=look["color"], marker=look["marker"], markersize=8, linestyle="none", clip_on=False)


def _legend(axes: Axes) -> None:
    """Above the chart, where it hides nothing."""
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=4, columnspacing=1.2, handlelength=1.8)


def _names(judged: dict[str, Any], looks: dict[str, str]) -> str:
    *others, last = (f"{judged[role]['name']} ({look})" for role, look in looks.items())
    return f"{', '.join(others)} and {last}"


def _finding(what: str, label: str, metric: str, judged: dict[str, Any]) -> str:
    beside = [
        f"that of {judged[role]['name']} {words.with_interval(judged[role]['metrics'][metric])}, the difference "
        f"{words.with_interval(judged[role]['difference'][metric], signed=True)} being "
        f"{wording(metric, judged[role]['difference'][metric])}"
        for role in _LOOKS
        if role != "model"
    ]
    return (
        f"{what} of {_names(judged, _LINES)}. The {label} of {judged['model']['name']} is "
        f"{words.with_interval(judged['model']['metrics'][metric])}; {'; '.join(beside)}."
    )
