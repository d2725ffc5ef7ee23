"""The command line: `python -m fraud STEP`. Parses, calls one function, prints."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from fraud import __version__, settings
from fraud.errors import UsageError, reported

EPILOG = """\
Settings come from FRAUD_* environment variables, which the Makefile sets from DATA=, BUILD=, PREVALENCE= and the like;
`python -m fraud settings` lists them all with their values.
Exit code: 0 done, 1 a check says no, 2 wrong call or unusable input."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one step and return the exit code."""
    asked = _parser().parse_args(arguments)
    return reported(f"fraud {asked.step}", lambda: int(asked.run(asked)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fraud",
        description="Card transactions in, fraud decisions out.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")

    def step(name: str, text: str, run: object) -> argparse.ArgumentParser:
        added = steps.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", epilog=EPILOG)
        added.formatter_class = argparse.RawDescriptionHelpFormatter
        added.set_defaults(run=run)
        return added

    step("data", "get the transactions, or draw the synthetic twin, and record which they are", _data)
    step("explore", "draw the exploratory figures with their numbers", _explore)
    step("train", "calibrate and fit the recipe; write its bundles", _train)
    step(
        "select",
        "choose the recipe by repeated cross-validation on all rows given; write fraud/learn/recipe.toml",
        _select,
    )
    step(
        "experiments", "run the study: nested estimates, imbalance, features, learning curve, hard frauds", _experiments
    )
    step("evaluate", "score the bundles on the rows kept apart", _evaluate)
    step("report", "write the report from the artefacts of the run", _report).add_argument(
        "--open", action="store_true", help="and open it in the browser"
    )
    step("history", "show the last runs that were finished in BUILD, and draw their trend", _history).add_argument(
        "--last", type=_count, default=20, metavar="N", help="so many of them (default: %(default)s)"
    )
    compare = step("compare", "compare two finished runs on the rows that judge both", _compare)
    compare.add_argument("a", metavar="A", type=Path, help="build folder of a run, such as that of the champion")
    compare.add_argument("b", metavar="B", type=Path, help="build folder of the run that is held against it")
    compare.add_argument(
        "--to",
        metavar="DIR",
        type=Path,
        help="where comparison.json and comparison.md go (default: comparison in FRAUD_BUILD)",
    )
    serve = step("serve", "serve the model over HTTP", _serve)
    serve.epilog = f"{_told(('build', *settings.SERVING))}\n\n{EPILOG}"
    serve.add_argument("--access-log", choices=("on", "off"), help="overrides FRAUD_ACCESS_LOG; off is faster")
    promote = step("promote", "let the API serve another bundle from now on, one that the gates passed", _promote)
    promote.add_argument(
        "folder", metavar="DIR", type=Path, help="the bundle, such as build/model; an earlier copy is the way back"
    )
    promote.add_argument(
        "--to", metavar="LINK", type=Path, help="the link that is served (default: FRAUD_BUNDLE); copies stay beside it"
    )
    promote.add_argument("--ungated", action="store_true", help="serve it whatever gate.json says, or where none is")
    keys = step("key", "make keys of the API", None)
    new = keys.add_subparsers(dest="action", required=True, metavar="ACTION").add_parser(
        "new", help="add a key to the file that FRAUD_API_KEYS_FILE names, and print it: it is kept nowhere"
    )
    new.add_argument("name", metavar="NAME", help="whose it is")
    good = new.add_mutually_exclusive_group()
    good.add_argument("--days", type=_days, default=365, help="how long it is good (default: %(default)s)")
    good.add_argument("--never-expires", dest="days", action="store_const", const=None)
    new.set_defaults(run=_key_new)
    step("examples", "draw the transactions that the API's pages show; write fraud/api/static/examples.json", _examples)
    step("settings", "list the settings with their values", _settings)
    score = step("score", "add probability, prediction and decision to every row of a file", _score)
    score.add_argument("input", metavar="IN", type=Path, help="transactions: .csv, .csv.gz or .parquet")
    score.add_argument("output", metavar="OUT", type=Path, help="where the scored rows go, in one of the same formats")
    score.add_argument("--bundle", metavar="DIR", type=Path, help="the model bundle (default: that of BUILD)")
    twin = step("twin", "fit the statistics of a synthetic twin, or check how true it is", None)
    actions = twin.add_subparsers(dest="action", required=True, metavar="ACTION")
    fit = actions.add_parser("fit", help="fit the twin's statistics to genuine transactions")
    fit.add_argument("data", metavar="DATA", type=Path)
    fit.add_argument("--out", metavar="FILE", type=Path, default=Path("data/twin.json"), help="default: %(default)s")
    fit.add_argument(
        "--sample-of-published",
        action="store_true",
        help="DATA is a sample of the published data: complete it by what is known of the whole",
    )
    fit.set_defaults(run=_twin_fit)
    check = actions.add_parser("check", help="measure the twin's fidelity against genuine transactions")
    check.add_argument("data", metavar="DATA", type=Path)
    check.set_defaults(run=_twin_check)
    return parser


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
    from fraud.terminal import table

    document = train.run(settings.load())
    for protocol, record in document["protocols"].items():
        rows = [
            (trial["name"], f"{trial['average_precision']:.4f}", f"{trial['seconds']:.1f} s")
            for trial in record["selection"]["candidates"]
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


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise ValueError
    return count


def _score(asked: argparse.Namespace) -> int:
    from fraud import batch

    loaded = settings.load()
    batch.run(asked.input, asked.output, asked.bundle or loaded.build / "model", loaded.jobs)
    return 0


def _serve(asked: argparse.Namespace) -> int:
    from fraud.api import server

    loaded = settings.load()
    if asked.access_log is not None:
        loaded = loaded.model_copy(update={"access_log": asked.access_log == "on"})
    server.run(loaded)
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


def _days(text: str) -> int:
    days = int(text)
    if not 0 < days <= 36_500:
        raise ValueError
    return days


def _examples(asked: argparse.Namespace) -> int:
    from fraud.dataset import examples

    examples.write()
    return 0


def _told(names: Sequence[str]) -> str:
    """What these settings are, a line each, with what holds where one is not given."""
    lines = ["environment variables:"]
    for name in names:
        field = settings.Settings.model_fields[name]
        lines.append(f"  {settings.PREFIX + name.upper():21} {field.description} (default: {field.default})")
    return "\n".join(lines)


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


if __name__ == "__main__":
    sys.exit(main())
