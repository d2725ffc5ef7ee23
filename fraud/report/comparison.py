"""A comparison of two runs in words: tables for the terminal, and the same as a page in Markdown."""

from typing import Any

from fraud.report import pages, words
from fraud.report.vocabulary import term, wording
from fraud.terminal import table

_COLUMNS = ("metric", "A", "B", "B less A", "B is")
# What the first line tells of each protocol: the metric of the gate on the champion.
_FIRST = "average_precision"


def text(document: dict[str, Any]) -> str:
    """For a terminal: the runs, what must be said beside the figures, and a table for each protocol.

    Args:
        document: as `compare.run` returns it.
    """
    parts = [f"{name}: {told['version']} of {told['folder']}" for name, told in document["runs"].items()]
    if document["synthetic"]:
        parts.append("on SYNTHETIC data")
    parts += document["caveats"]
    for name, judged in document["protocols"].items():
        parts.append("")
        parts += [f"{name}: {caveat}" for caveat in judged["caveats"]]
        told = _sentence(name, judged)
        parts.append(table(told, _COLUMNS, _rows(judged)) if judged["difference"] else told)
    return "\n".join(parts)


def markdown(document: dict[str, Any]) -> str:
    """The page, in GitHub's Markdown."""
    return pages.render_markdown(
        "comparison.md.j2",
        **document,
        columns=_COLUMNS,
        tables={
            name: {
                "sentence": _sentence(name, judged),
                "rows": _rows(judged) if judged["difference"] else [],
                "test": _test(judged),
                "thresholds": {run: _thresholds(model["thresholds"]) for run, model in judged["models"].items()},
            }
            for name, judged in document["protocols"].items()
        },
    )


def _sentence(name: str, judged: dict[str, Any]) -> str:
    if judged["difference"] is None:
        return f"{name}: not compared, since no frauds and legitimate rows judge both"
    difference = judged["difference"][_FIRST]
    return (
        f"{name}: {term(_FIRST).label.lower()} of B less that of A is {words.with_interval(difference, signed=True)}, "
        f"{wording(_FIRST, difference)}; {judged['rows']:,} rows, {judged['frauds']:,} of them frauds, judge both"
    )


def _rows(judged: dict[str, Any]) -> list[tuple[str, str, str, str, str]]:
    return [
        (
            term(name).label,
            words.with_interval(judged["metrics"]["A"][name]),
            words.with_interval(judged["metrics"]["B"][name]),
            words.with_interval(difference, signed=True),
            wording(name, difference),
        )
        for name, difference in judged["difference"].items()
    ]


def _test(judged: dict[str, Any]) -> str:
    return "" if judged["difference"] is None else words.number(judged["difference"]["roc_auc"]["p"])


def _thresholds(thresholds: dict[str, Any]) -> str:
    """At which probabilities a run decides."""
    at = "at thresholds by amount, the lowest" if "by_amount" in thresholds else "at"
    decline = thresholds["decline"]
    declines = "nothing is declined" if decline is None else f"declined {at} {words.number(decline)}"
    return f"reviewed {at} {words.number(thresholds['review'])}, {declines}"
