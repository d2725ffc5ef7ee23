"""The charts of the study's page, each with the words that state its finding."""

from collections.abc import Sequence
from typing import Any

from fraud.report import words
from fraud.report.canvas import GRID, INK, MODEL, MUTED, REFERENCE, Chart, canvas, to_svg
from fraud.report.tables import Table, of_curves

Curves = dict[str, dict[str, list[float]]]

# Of lines without a colour of their own.
_STYLES = ("--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)))

_BANDS = "In brackets: pointwise 95% intervals"


def differences(name: str, rows: Sequence[dict[str, Any]], against: str) -> Chart:
    """The paired differences in average precision, best at the top."""
    figure, axes = canvas(f"average precision less that of {against}", "")
    compared = [row for row in rows if row["difference"]]
    figure.set_size_inches(6.4, 1.2 + 0.27 * len(compared))
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


def precision_recall(name: str, curves: Curves, recipe: str) -> Chart:
    """Precision over recall; the recipe's and the forest's with their bands."""
    figure, axes = canvas("recall", "precision")
    _lines(axes, curves, "recall", recipe)
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    middle = {each: _near(curve, "recall", 0.8) for each, curve in curves.items()}
    told = ", ".join(f"{each} {value:.2f}" for each, value in sorted(middle.items(), key=lambda item: -item[1]))
    at = next(iter(curves.values()))["recall"]
    return Chart(
        f"precision-recall-{name}",
        "Precision over recall, with pointwise 95% bands",
        f"Precision where 80 of 100 frauds are found: {told}.",
        to_svg(figure),
        of_curves("Precision over recall", "Recall", map(words.percent, at), curves.items(), _BANDS),
    )


def cost_curve(name: str, curves: Curves, recipe: str) -> Chart:
    """Cost as a share of that of no model, over what a missed fraud costs in false alarms."""
    figure, axes = canvas("false alarms that cost as much as a missed fraud", "cost, as a share of that of no model")
    _lines(axes, curves, "false_alarms", recipe)
    axes.set(xscale="log", ylim=(0, 1.05))
    axes.axhline(1, color=INK, linewidth=1)
    middle = {each: _near(curve, "false_alarms", 30) for each, curve in curves.items()}
    ranked = sorted(middle.items(), key=lambda item: item[1])
    told = ", ".join(f"{each} {words.percent(value)}" for each, value in ranked)
    at = next(iter(curves.values()))["false_alarms"]
    return Chart(
        f"cost-{name}",
        "Cost curves, with pointwise 95% bands: the threshold follows from the price, nothing is tuned here",
        f"Cost left of that of no model, where a missed fraud costs as much as about 30 false alarms: {told}.",
        to_svg(figure),
        of_curves("Cost left", "False alarms", map(words.number, at), curves.items(), _BANDS),
    )


def ranks(name: str, found: dict[str, Any]) -> Chart:
    """Mean ranks over folds; a bar joins candidates that are not told apart."""
    ordered = list(found["ranks"].items())
    figure, axes = canvas("mean rank over the folds", "")
    figure.set_size_inches(6.4, 1.2 + 0.27 * len(ordered))
    place = {candidate: len(ordered) - 1 - k for k, (candidate, _) in enumerate(ordered)}
    for candidate, rank in ordered:
        axes.plot([rank], [place[candidate]], color=MODEL, marker="o", linestyle="none")
    axes.set_yticks(list(place.values()), list(place))
    widest = max(found["ranks"].values())
    for k, group in enumerate(found["groups"]):
        column = widest + 0.6 + 0.35 * k
        axes.plot([column, column], [place[group[0]] + 0.2, place[group[-1]] - 0.2], color=REFERENCE, linewidth=2)
    first, best = ordered[0]
    behind = [candidate for candidate, rank in ordered if rank > best + found["difference"]]
    alt = (
        f"{first} has the best mean rank, {best:.1f}; the critical difference is {found['difference']:.1f}. Further "
        f"behind than that: {', '.join(behind) or 'none'}."
    )
    told = tuple((candidate, words.number(rank)) for candidate, rank in ordered)
    return Chart(
        f"ranks-{name}",
        "Mean ranks; a bar joins what Nemenyi's test does not tell apart",
        alt,
        to_svg(figure),
        Table("Mean ranks", ("Candidate", "Mean rank"), told),
    )


def learning_curve(points: Sequence[dict[str, Any]]) -> Chart:
    """Average precision against the number of frauds that train."""
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
    told = tuple((words.number(point["frauds"]), words.rounded(point)) for point in points)
    return Chart(
        "learning-curve",
        "Average precision against the frauds that train, with 95% intervals",
        alt,
        to_svg(figure),
        Table("Learning curve", ("Frauds that train", "Average precision"), told),
    )


def _lines(axes: Any, curves: Curves, over: str, recipe: str) -> None:
    styles = iter(_STYLES * len(curves))
    for each, curve in curves.items():
        coloured = {recipe: MODEL, "forest": REFERENCE}.get(each)
        if coloured is not None:
            axes.fill_between(curve[over], curve["low"], curve["high"], color=coloured, alpha=0.15, linewidth=0)
            axes.plot(curve[over], curve["value"], color=coloured, linewidth=2, label=each)
        else:
            axes.plot(curve[over], curve["value"], color=MUTED, linestyle=next(styles), linewidth=1.2, label=each)
    axes.legend()
    axes.grid(color=GRID)


def _near(curve: dict[str, list[float]], over: str, wanted: float) -> float:
    """The value where `over` comes nearest to what is wanted."""
    return min(zip(curve[over], curve["value"], strict=True), key=lambda point: abs(point[0] - wanted))[1]
