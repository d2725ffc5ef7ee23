"""The command line: `python -m fraud STEP`. Calls one function, prints."""

import argparse
import gc
import sys
from collections.abc import Callable, Sequence

from fraud import settings
from fraud.arguments import parser
from fraud.errors import UsageError, reported


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one step and return the exit code."""
    asked = parser().parse_args(arguments)
    step = f"{asked.step} {asked.action}" if "action" in asked else asked.step
    return reported(f"fraud {asked.step}", lambda: _STEPS[step](asked))


# Each step imports what it needs when it is called: the server must not load what training needs, and `--help` answers
# at once.


def _data(asked: argparse.Namespace) -> int:
    from fraud.dataset import source

    source.run(settings.load())
    return 0


def _explore(asked: argparse.Namespace) -> int:
    from fraud.explore import explore

    explore.run(settings.load())
    return 0


def _train(asked: argparse.Namespace) -> int:
    from fraud.learn import train
    from fraud.report.words import with_interval
    from fraud.terminal import table

    document = train.run(settings.load())
    for protocol, record in document["protocols"].items():
        rows = [
            (candidate["name"], with_interval(candidate["average_precision"]), f"{candidate['seconds']:.1f} s")
            for candidate in record["candidates"]
        ]
        thresholds = record["thresholds"]
        at = "by amount" if "by_amount" in thresholds else f"at probability {thresholds['review']:.4f}"
        title = f"{protocol}: {record['name']}; review {at}"
        print(table(title, ("candidate", "average precision", "time"), rows))
    return 0


def _select(asked: argparse.Namespace) -> int:
    from fraud.learn import experiments
    from fraud.report.words import with_interval
    from fraud.terminal import table

    choice = experiments.run_select(settings.load())
    rows = [
        (f.candidate.name, with_interval(f.metrics["average_precision"]), f"{f.size / 1024:,.0f} KiB")
        for f in choice.finalists
    ]
    columns = ("finalist", "average precision", "graph")
    print(table(f"{choice.candidate.name} is chosen; the cheapest comes first", columns, rows))
    return 0


def _experiments(asked: argparse.Namespace) -> int:
    from fraud.learn import experiments
    from fraud.report.words import with_interval
    from fraud.terminal import table

    document = experiments.run_experiments(settings.load())
    for protocol in ("random", "chronological"):
        if document[protocol] is None:
            print(f"{protocol}: not reached within the budget")
            continue
        rows = [
            (
                row["name"],
                with_interval(row["metrics"]["average_precision"]),
                with_interval(row["difference"]["average_precision"]) if row["difference"] else "",
                with_interval(row["metrics"]["roc_auc"]),
            )
            for row in document[protocol]["table"]
        ]
        columns = ("candidate", "average precision", "less the selection's", "ROC-AUC")
        print(table(f"{protocol}: nested estimates", columns, rows))
    print(f"study: {settings.load().build / 'experiments' / 'index.html'}")
    return 0


def _evaluate(asked: argparse.Namespace) -> int:
    from fraud.evaluate import evaluate
    from fraud.report.words import with_interval
    from fraud.terminal import table

    document = evaluate.run(settings.load())
    for protocol, judged in document["protocols"].items():
        roles = [judged[role] for role in ("model", "logistic", "reference", "champion") if judged[role]]
        rows = [
            (name, *(with_interval(role["metrics"][name]) for role in roles)) for name in judged["model"]["metrics"]
        ]
        title = f"{protocol}: {judged['rows']:,} rows, {judged['frauds']} frauds"
        print(table(title, ("metric", *(role["name"] for role in roles)), rows))
    return 0


def _report(asked: argparse.Namespace) -> int:
    import webbrowser

    from fraud.report import report
    from fraud.terminal import say

    loaded = settings.load()
    print(report.run(loaded))
    page = (loaded.build / "report" / "index.html").resolve()
    if asked.open and not webbrowser.open(page.as_uri()):
        say(f"no browser was found to open it in: the report lies at {page}")
    return 0


def _history(asked: argparse.Namespace) -> int:
    from fraud.report import trend

    print(trend.run(settings.load().build, asked.last))
    return 0


def _compare(asked: argparse.Namespace) -> int:
    from fraud.evaluate import compare
    from fraud.report import comparison

    to = asked.to or settings.load().build / "comparison"
    print(comparison.text(compare.run(asked.a, asked.b, to)))
    print(f"comparison: {to / compare.PAGE}")
    return 0


def _score(asked: argparse.Namespace) -> int:
    from fraud import batch

    loaded = settings.load()
    batch.run(asked.input, asked.output, asked.bundle or loaded.build / "model", loaded.jobs)
    return 0


def _serve(asked: argparse.Namespace) -> int:
    loaded = settings.load()
    if asked.access_log is not None:
        loaded = loaded.model_copy(update={"access_log": asked.access_log == "on"})
    # What is imported stays: to look for garbage in it takes a tenth of the time until the first answer.
    gc.disable()
    try:
        from fraud.api import server

        server.run(loaded)
    finally:
        gc.enable()
    return 0


def _promote(asked: argparse.Namespace) -> int:
    from fraud import promote

    link = asked.to or settings.load().bundle
    if link is None:
        raise UsageError("say which link is served: set FRAUD_BUNDLE, or give --to")
    return promote.run(asked.folder, link, asked.ungated)


def _key_new(asked: argparse.Namespace) -> int:
    from fraud.api import keys

    path = settings.load().api_keys_file
    if path is None:
        raise UsageError("set FRAUD_API_KEYS_FILE to the file that the key is added to")
    print(keys.add(path, asked.name, asked.days))
    return 0


def _examples(asked: argparse.Namespace) -> int:
    from fraud.dataset import examples

    examples.write()
    return 0


def _settings(asked: argparse.Namespace) -> int:
    loaded = settings.load()
    for name, field in settings.Settings.model_fields.items():
        print(f"{settings.PREFIX}{name.upper()}={getattr(loaded, name)}  # {field.description}")
    return 0


def _twin_fit(asked: argparse.Namespace) -> int:
    from fraud.dataset import twin_fit

    twin_fit.run_fit(asked.data, asked.out, sample_of_published=asked.sample_of_published)
    return 0


def _twin_check(asked: argparse.Namespace) -> int:
    from fraud.learn import fidelity

    return fidelity.run_check(asked.data, settings.load().jobs)


_STEPS: dict[str, Callable[[argparse.Namespace], int]] = {
    "data": _data,
    "explore": _explore,
    "train": _train,
    "select": _select,
    "experiments": _experiments,
    "evaluate": _evaluate,
    "report": _report,
    "history": _history,
    "compare": _compare,
    "score": _score,
    "serve": _serve,
    "promote": _promote,
    "key new": _key_new,
    "examples": _examples,
    "settings": _settings,
    "twin fit": _twin_fit,
    "twin check": _twin_check,
}


if __name__ == "__main__":
    sys.exit(main())
