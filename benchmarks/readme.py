"""Writes the README's tables from the artefacts that hold their figures, or checks that they still agree.

`python -m benchmarks.readme` after `make all` (and `make bench`, `make bench-serving`, where their figures are to be
renewed);
`python -m benchmarks.readme --study build/experiments/study.json` after `make experiments`.
"""

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import serving
from fraud import artefacts, settings
from fraud.errors import UsageError
from fraud.learn.study import SELECTED
from fraud.report.canvas import style
from fraud.report.study_charts import differences
from fraud.report.vocabulary import wording

README, PICTURE = Path("README.md"), Path("docs/study.svg")

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
    parser.add_argument(
        "--check",
        action="store_true",
        help="compare the figures of quality and, if measured, of serving; write nothing",
    )
    parser.add_argument("--study", type=Path, metavar="FILE", help="a study.json whose tables and picture are renewed")
    try:
        return _run(parser.parse_args())
    except UsageError as error:
        parser.error(str(error))


def _run(asked: argparse.Namespace) -> int:
    build = settings.load().build
    text = README.read_text(encoding="utf-8")
    if asked.study is not None:
        studied = artefacts.read_json(asked.study, "make experiments")
        if cut := {"random", "chronological"} & set(studied["cut"]):
            raise UsageError(f"{asked.study} is a study whose budget ended before: {', '.join(sorted(cut))}")
        for mark, lines in (("study", _study(studied)), ("tried", _tried(studied)), ("limits", _limits(studied))):
            text = _renewed(text, mark, lines)
        with style():
            table = sorted(studied["random"]["table"], key=lambda row: -row["metrics"]["average_precision"]["value"])
            artefacts.write_text(PICTURE, differences("random", table, SELECTED).svg)
    else:
        metrics = artefacts.read_json(build / "metrics.json", "make all")
        measured = build / serving.RESULT
        served = artefacts.read_json(measured, "make bench-serving") if measured.exists() else None
        if asked.check:
            same = served is None or _same(_between(text, "serving"), "\n".join(_serving(served)) + "\n")
            return _check(_between(text, "metrics"), "\n".join(_metrics(metrics))) or (0 if same else 1)
        text = _renewed(text, "metrics", _metrics(metrics))
        if (build / "benchmark.json").exists():
            text = _renewed(text, "benchmark", _benchmark(artefacts.read_json(build / "benchmark.json", "make bench")))
        if served is not None:
            text = _renewed(text, "serving", _serving(served))
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
    yield "Time and memory on two cores, against the script of the blog post that this project answers (read, scale,"
    yield "split, one forest of 100 trees on one core, predict, score), on the same rows in one run of `make bench`:"
    yield ""
    yield "| step | time against the blog post's script | peak memory |"
    yield "| --- | --- | --- |"
    baseline = measured["blog post's script"]["seconds"]
    for name, figure in measured.items():
        yield f"| {name} | {figure['seconds'] / baseline:.2f} | {figure['peak'] / 2**20:,.0f} MiB |"


def _serving(document: dict[str, Any]) -> Iterator[str]:
    rows, frauds, rounds = document["rows"], document["frauds"], document["rounds"]
    yield "In one run of `make bench-serving`, two workers each, on the same two cores; this API with validation,"
    yield f"metrics, request ids and log, and reasons where they are due. Asked for {rows:,} distinct transactions with"
    yield f"{frauds} frauds; medians of {rounds} rounds, with their range:"
    yield ""
    yield "| ratio | measured | goal |"
    yield "| --- | --- | --- |"
    for ratio in document["ratios"].values():
        value, low, high = (f"{ratio[key]:.3g}" for key in ("value", "low", "high"))
        yield f"| {ratio['words']} | {value} ({low} to {high}) | {ratio['goal']} |"


def _study(document: dict[str, Any]) -> Iterator[str]:
    plan = document["plan"]
    rounds = "one round" if plan["rounds"] == 1 else f"{plan['rounds']} rounds"
    yield f"The study of {document['rows']:,} rows with {document['frauds']} frauds: {rounds} of"
    yield f"{plan['folds']} outer folds, and {plan['blocks']} blocks of time. Whatever is tuned is tuned inside the"
    yield "training rows of each fold, in blends too; “selected” is what the selection chose there, fold by fold, and"
    yield "“recipe” what `fraud/learn/recipe.toml` holds. The values that tuning starts from, and what blends are made"
    yield "of, were found on rows like these: all lines but those of defaults and the forest are flattered a little."
    yield ""
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
    yield ""
    yield f"![Paired differences to the selection]({PICTURE})"


def _tried(document: dict[str, Any]) -> Iterator[str]:
    yield "What else was tried, on the first round's folds. Columns that help no model are not served:"
    yield ""
    for part, title in (("imbalance", "against imbalance"), ("features", "as further columns")):
        tables = [document[name]["table"] for name in (part, f"{part}_later") if document[name] is not None]
        if len(tables) < 2:
            yield f"(The budget ended before what was tried {title}.)"
            yield ""
            continue
        (baseline,) = (row for row in tables[0] if not row["difference"])
        against = f"average precision less that of “{baseline['description']}”"
        yield f"| {title}: {against} | random folds | forward in time |"
        yield "| --- | --- | --- |"
        by_name = [{row["name"]: row["difference"] for row in table} for table in tables]
        rows = [row for row in tables[0] if row["difference"]]
        for row in sorted(rows, key=lambda row: -row["difference"]["average_precision"]["value"]):
            found = [differences[row["name"]]["average_precision"] for differences in by_name]
            cells = [f"{_figure(f, 3, '+')}, {wording('average_precision', f)}" for f in found]
            yield f"| {row['description']} | {' | '.join(cells)} |"
        yield ""


def _limits(document: dict[str, Any]) -> Iterator[str]:
    yield "What limits all of them:"
    yield ""
    if document["learning_curve"] is not None:
        first, *_, last = document["learning_curve"]
        yield f"- From {first['frauds']} to {last['frauds']} training frauds the recipe's average precision goes from"
        yield f"  {_figure(first, 3)} to {_figure(last, 3)}."
    hardest = document["random"]["hardest"]
    alone = sum(fraud["frauds_among_ten_nearest"] == 0 for fraud in hardest)
    yield "- The best blend in hindsight, of log-odds in quarters, chosen on the rows that judge it, reaches"
    yield f"  {document['random']['hindsight']['average_precision']:.3f}."
    yield f"- Of the {len(hardest)} frauds that even the best candidate for each ranks lowest, {alone} have no fraud"
    yield "  among the ten rows nearest to them."


def _figure(f: dict[str, float], digits: int, sign: str = "") -> str:
    value, low, high = (f"{f[key]:{sign}.{digits}f}" for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def _renewed(text: str, mark: str, lines: Iterable[str]) -> str:
    _between(text, mark)
    made = "\n".join(lines).strip("\n")
    return re.sub(
        rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)", lambda m: m[1] + made + "\n" + m[2], text, flags=re.DOTALL
    )


def _between(text: str, mark: str) -> str:
    found = re.search(rf"<!-- {mark} -->\n(.*?)<!-- /{mark} -->", text, re.DOTALL)
    if not found:
        raise UsageError(f"{README} has no place marked {mark}")
    return found[1]


def _same(stated: str, measured: str) -> bool:
    """Of a run of its own, which another one would not repeat: to the letter."""
    if stated != measured:
        print(f"README says\n{stated}\nbut measured\n{measured}")
    return stated == measured


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
