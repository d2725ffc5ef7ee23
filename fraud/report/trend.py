"""The trend of the runs that were finished in a build folder: a table for the terminal, a page with charts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from fraud import artefacts
from fraud.report import history, pages, words
from fraud.report.canvas import MODEL, PAPER, REFERENCE, Chart, canvas, style, to_svg
from fraud.report.history import PROTOCOLS, Protocol, Run
from fraud.report.vocabulary import term
from fraud.terminal import table

PAGE = "history.html"

_SHOWN = ("average_precision", "recall", "precision", "savings_share")
# As many as fit beside the rest of a run in a terminal.
_IN_TERMINAL = 3
# Genuine and synthetic data differ beside their colour.
_LOOKS: dict[bool, dict[str, Any]] = {
    False: {"color": MODEL, "linestyle": "-", "marker": "o"},
    True: {"color": REFERENCE, "linestyle": (0, (4, 2)), "marker": "D"},
}
_KINDS = {False: "genuine", True: "synthetic"}
_VERDICTS = {"pass": "passes", "fail": "fails"}
_SHORT = {"pass": "pass", "fail": "FAIL"}

Numbered = Sequence[tuple[int, Run]]


def run(build: Path, last: int) -> str:
    """Write `history.html` about the last runs of `build`; returns their table and where the page lies.

    Raises:
        UsageError: no run was finished there yet.
    """
    runs = history.read(build)
    shown = list(enumerate(runs, 1))[-last:]
    artefacts.write_text(build / PAGE, page(shown, len(runs)))
    title = f"{len(shown)} of {len(runs)} runs, the latest last; figures of the random protocol"
    columns = ("run", "judged", "verdict", "data", "model", *(term(metric).label for metric in _SHOWN[:_IN_TERMINAL]))
    rows = [(str(number), *_facts(each), *_figures(each, "random")[:_IN_TERMINAL]) for number, each in shown]
    return f"{table(title, columns, rows)}\nhistory: {build / PAGE}"


def page(shown: Numbered, count: int) -> str:
    """One self-contained HTML page of runs by their number, out of `count` that were finished."""
    with style():
        charts = {protocol: [_chart(metric, protocol, shown) for metric in _SHOWN] for protocol in PROTOCOLS}
    rows = [
        {
            "number": number,
            "passed": each.verdict == "pass",
            "facts": _facts(each),
            "sentence": each.sentence,
            "revision": each.revision or "unknown",
            "figures": [figure for protocol in PROTOCOLS for figure in _figures(each, protocol)],
        }
        for number, each in shown
    ]
    return pages.render(
        "history.html.j2",
        rows=rows,
        count=count,
        charts=charts,
        columns=[term(metric).label for metric in _SHOWN],
        synthetic=any(each.synthetic for _, each in shown),
    )


def _facts(each: Run) -> tuple[str, str, str, str]:
    """When, verdict, data and model of a run."""
    data = f"{_KINDS[each.synthetic]} {each.data.digest[:8]}"
    return f"{each.when:%Y-%m-%d %H:%M}", _SHORT[each.verdict], data, each.protocols["random"].version


def _figures(each: Run, protocol: Protocol) -> list[str]:
    judged = each.protocols[protocol]
    return [words.with_interval(judged.figure(name)) if name in judged.metrics else "–" for name in _SHOWN]


def _chart(metric: str, protocol: Protocol, shown: Numbered) -> Chart:
    label = term(metric).label
    figure, axes = canvas("run, the latest on the right", label)
    told = [(number, each) for number, each in shown if metric in each.protocols[protocol].metrics]
    for members in _comparable(told):
        _series(axes, [(number, each, each.protocols[protocol].figure(metric)) for number, each in members])
    _legend(axes, told)
    axes.set_xlim(shown[0][0] - 0.5, shown[-1][0] + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return Chart(f"{metric}-{protocol}", f"{label}, {protocol}", _alt(label, metric, protocol, told), to_svg(figure))


def _comparable(told: Numbered) -> list[Numbered]:
    """Runs that a line may join: judged on the same data at the same prevalence, so never synthetic and genuine."""
    groups: dict[tuple[bool, str, Any], list[tuple[int, Run]]] = {}
    for number, each in told:
        key = each.synthetic, each.data.digest, each.settings.get("prevalence")
        groups.setdefault(key, []).append((number, each))
    return list(groups.values())


def _series(axes: Axes, points: list[tuple[int, Run, dict[str, float]]]) -> None:
    look = _LOOKS[points[0][1].synthetic]
    numbers, values = [number for number, _, _ in points], [figure["value"] for _, _, figure in points]
    line = {"color": look["color"], "linestyle": look["linestyle"], "linewidth": 1.2}
    axes.plot(numbers, values, gid=f"joined-{'-'.join(map(str, numbers))}", **line)
    for number, each, figure in points:
        axes.vlines(number, figure["low"], figure["high"], color=look["color"], linewidth=1.6)
        _mark(axes, [number], [figure["value"]], each)


def _mark(axes: Axes, x: list[int], y: list[float], each: Run, label: str | None = None) -> None:
    """Full where the gates passed, hollow where they did not."""
    look = _LOOKS[each.synthetic]
    axes.plot(
        x,
        y,
        color=look["color"],
        marker=look["marker"],
        markerfacecolor=look["color"] if each.verdict == "pass" else PAPER,
        markeredgewidth=2,
        markersize=8,
        linestyle="none",
        label=label,
        zorder=3,
    )


def _legend(axes: Axes, told: Numbered) -> None:
    """What occurs, above the chart, where it hides nothing."""
    kinds = {(each.synthetic, each.verdict): each for _, each in told}
    for (synthetic, verdict), each in sorted(kinds.items()):
        _mark(axes, [], [], each, f"{_KINDS[synthetic]}, {_VERDICTS[verdict]}")
    if kinds:
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, columnspacing=1.2)


def _alt(label: str, metric: str, protocol: Protocol, told: Numbered) -> str:
    if not told:
        return f"{label} on the {protocol} protocol: no run tells it."
    number, latest = told[-1]
    figure = words.with_interval(latest.protocols[protocol].figure(metric))
    failing = ", ".join(str(n) for n, each in told if each.verdict == "fail") or "none"
    synthetic = ", ".join(str(n) for n, each in told if each.synthetic) or "none"
    return (
        f"{label} on the {protocol} protocol in {len(told)} runs, with 95% intervals. The latest, run {number}, "
        f"{_VERDICTS[latest.verdict]} its gates at {figure}. Runs that fail: {failing}. On synthetic data: {synthetic}."
    )
