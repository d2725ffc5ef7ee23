"""What another threshold would bring, for a reader to try: the operating points of an evaluation, and their words."""

from typing import Any

from fraud.report import words

# Of `operating_points.points`, what the page needs.
_COLUMNS = (
    "threshold",
    "true_positives",
    "false_negatives",
    "false_positives",
    "true_negatives",
    "precision",
    "recall",
    "alerts_per_10000",
    "savings",
    "savings_share",
)

_COUNTS = {
    "true_positives": "Frauds found",
    "false_negatives": "Frauds missed",
    "false_positives": "False alarms",
    "true_negatives": "Legitimate that pass",
}

_DRAWN = {"precision": "precision", "recall": "recall", "savings_share": "share of what could be saved"}

# The drawing's width and height, whatever its size on the page.
_WIDTH, _HEIGHT = 1000, 300


def decisions(judged: dict[str, Any], volume: int | None) -> dict[str, Any]:
    """The explorer of one protocol.

    Args:
        judged: the protocol in `metrics.json`.
        volume: transactions a day, if known.

    Returns:
        `rows`, the figures that it shows, each with its key, label, kind and the chosen rule's value in words;
        `points`, the columns of its table; `start`, the place of the chosen rule's threshold among them; `lines`, what
        is drawn along them; `finding`, the drawing in words; `by_amount`, whether each amount has a threshold of its
        own, which one threshold for all replaces.
    """
    model = judged["model"]
    points, chosen = model["operating_points"]["points"], model["operating_points"]["chosen"]
    by_amount = "by_amount" in model["thresholds"]
    alerts = ("alerts_per_10000", "Alerts of 10,000 transactions", "number")
    if volume is not None:
        alerts = ("alerts_a_day", f"Alerts a day, of {volume:,} transactions", "number")
    kinds = [
        ("threshold", "Alert at a probability of", "share"),
        *((key, label, "number") for key, label in _COUNTS.items()),
        ("precision", "Precision: share of alerts that are frauds", "percent"),
        ("recall", "Recall: share of frauds found", "percent"),
        alerts,
        ("savings", "Euros saved on these rows", "number"),
        ("savings_share", "Share of what could be saved", "percent"),
    ]
    columns = {name: points[name] for name in _COLUMNS}
    shown = {**chosen, "threshold": None if by_amount else model["thresholds"]["review"]}
    if volume is not None:
        columns["alerts_a_day"] = [per * volume / 10_000 for per in points["alerts_per_10000"]]
        shown["alerts_a_day"] = chosen["alerts_per_10000"] * volume / 10_000
    start = _nearest(points["alerts_per_10000"], chosen["alerts_per_10000"])
    return {
        "rows": [
            {"key": key, "label": label, "kind": kind, "chosen": _shown(shown[key], kind)} for key, label, kind in kinds
        ],
        "points": columns,
        "capacity": alerts[0],
        "start": start,
        "lines": {name: _line(points[name]) for name in _DRAWN},
        "finding": _finding(points, start),
        "by_amount": by_amount,
    }


def _shown(value: float | None, kind: str) -> str:
    if value is None:
        return "each amount's own"
    return words.percent(value) if kind == "percent" else words.number(value)


def _nearest(values: list[float], wanted: float) -> int:
    return min(range(len(values)), key=lambda place: abs(values[place] - wanted))


def _line(values: list[float]) -> str:
    """The points of an SVG polyline along the table, from 0 at the bottom to 1 at the top."""
    step = _WIDTH / max(len(values) - 1, 1)
    return " ".join(
        f"{place * step:.1f},{_HEIGHT * (1 - min(max(value, 0), 1)):.1f}" for place, value in enumerate(values)
    )


def _finding(points: dict[str, list[float]], start: int) -> str:
    """The drawing in words."""

    def at(place: int) -> str:
        told = ", ".join(f"{name} {words.percent(points[key][place])}" for key, name in _DRAWN.items())
        return f"at {words.number(points['threshold'][place])}: {told}"

    return f"As the threshold falls, from left to right: {at(0)}; near the chosen rule, {at(start)}; {at(-1)}."
