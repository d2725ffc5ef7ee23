"""Writes the README's tables from the artefacts that hold their figures, or checks that they still agree.

`python -m benchmarks.readme` after `make all` (and `make bench` or `make experiments`, where theirs are to be renewed).
"""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fraud import artefacts, settings
from fraud.errors import UsageError

README = Path("README.md")

METRICS = {
    "recall": "frauds found (recall)",
    "precision": "alerts that are frauds (precision)",
    "average_precision": "average precision",
    "roc_auc": "ROC-AUC",
}

# A figure may move in its last digit with the processor that computed it.
TOLERANCE = 0.011


def main() -> int:
    """Write or check; the exit code of a check is 1 where a figure of the README is no longer true."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.readme", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare the figures of quality, write nothing")
    parser.add_argument("--study", type=Path, metavar="FILE", help="a study.json whose table is to be renewed")
    asked = parser.parse_args()
    build = settings.load().build
    text = README.read_text(encoding="utf-8")
    made = "\n".join(_metrics(artefacts.read_json(build / "metrics.json", "make all")))
    if asked.check:
        return _check(_between(text, "metrics"), made)
    text = text.replace(_between(text, "metrics"), made)
    if (build / "benchmark.json").exists():
        measured = artefacts.read_json(build / "benchmark.json", "make bench")
        text = text.replace(_between(text, "benchmark"), "\n".join(_benchmark(measured)))
    if asked.study is not None:
        studied = artefacts.read_json(asked.study, "make experiments")
        text = text.replace(_between(text, "study"), "\n".join(_study(studied)))
    artefacts.write_text(README, text)
    return 0


def _metrics(document: dict[str, Any]) -> Iterator[str]:
    yield "| 95% interval in brackets | random 30% | the last 20% by time | blog post's forest, random 30% |"
    yield "| --- | --- | --- | --- |"
    random, chronological = document["protocols"]["random"], document["protocols"]["chronological"]
    for name, words in METRICS.items():
        figures = [judged["metrics"][name] for judged in (random["model"], chronological["model"], random["reference"])]
        cells = [_figure(f, 2) for f in figures]
        yield f"| {words} | {' | '.join(cells)} |"


def _benchmark(measured: dict[str, Any]) -> Iterator[str]:
    yield "| step | time against the blog post's script | peak memory |"
    yield "| --- | --- | --- |"
    baseline = measured["blog post's script"]["seconds"]
    for name, figure in measured.items():
        yield f"| {name} | {figure['seconds'] / baseline:.2f} | {figure['peak'] / 2**20:,.0f} MiB |"


def _study(document: dict[str, Any]) -> Iterator[str]:
    yield "| average precision, 95% interval | random folds | the recipe is ahead by | forward in time | by |"
    yield "| --- | --- | --- | --- | --- |"
    both = [document[protocol] for protocol in ("random", "chronological")]
    tables = [{row["name"]: row["metrics"]["average_precision"] for row in part["table"]} for part in both]
    ahead = [part["recipe"]["advantage"] for part in both]
    for name in sorted(tables[0], key=lambda name: -tables[0][name]["value"]):
        cells = []
        for table, advantage in zip(tables, ahead, strict=True):
            cells.append(_figure(table[name], 3))
            cells.append(_figure(advantage[name]["average_precision"], 3, "+") if name in advantage else "the recipe")
        yield f"| {name} | {' | '.join(cells)} |"


def _figure(f: dict[str, float], digits: int, sign: str = "") -> str:
    value, low, high = (f"{f[key]:{sign}.{digits}f}" for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def _between(text: str, mark: str) -> str:
    found = re.search(rf"<!-- {mark} -->\n(.*?)\n<!-- /{mark} -->", text, re.DOTALL)
    if not found:
        raise UsageError(f"{README} has no place marked {mark}")
    return found[1]


def _check(stated: str, measured: str) -> int:
    figures = [[float(figure) for figure in re.findall(r"\d\.\d\d", table)] for table in (stated, measured)]
    same = len(figures[0]) == len(figures[1]) > 0 and all(
        abs(a - b) <= TOLERANCE for a, b in zip(*figures, strict=True)
    )
    print(
        "the README's figures are those of metrics.json" if same else f"README says\n{stated}\nbut measured\n{measured}"
    )
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
