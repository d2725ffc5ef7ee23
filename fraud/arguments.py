"""What the command line takes: each step with its arguments, and the help of both."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from fraud import __version__, settings

_EPILOG = """\
Settings come from FRAUD_* environment variables, which the Makefile sets from DATA=, BUILD=, PREVALENCE= and the like;
`python -m fraud settings` lists them all with their values.
Exit code: 0 done, 1 a check says no, 2 wrong call or unusable input."""


def parser() -> argparse.ArgumentParser:
    """Of the whole command line; what it parses has `step` and, of a step with actions, `action`."""
    parser = argparse.ArgumentParser(
        prog="python -m fraud",
        description="Card transactions in, fraud decisions out.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")

    def step(name: str, text: str) -> argparse.ArgumentParser:
        added = steps.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", epilog=_EPILOG)
        added.formatter_class = argparse.RawDescriptionHelpFormatter
        return added

    step("data", "get the transactions, or draw the synthetic twin, and record which they are")
    step("explore", "draw the exploratory figures with their numbers")
    step("train", "calibrate and fit the recipe; write its bundles")
    step("select", "choose the recipe by repeated cross-validation on all rows given; write fraud/learn/recipe.toml")
    step("experiments", "run the study: nested estimates, imbalance, features, learning curve, hard frauds")
    step("evaluate", "score the bundles on the rows kept apart")
    step("report", "write the report from the artefacts of the run").add_argument(
        "--open", action="store_true", help="and open it in the browser"
    )
    step("history", "show the last runs that were finished in BUILD, and draw their trend").add_argument(
        "--last", type=_count, default=20, metavar="N", help="so many of them (default: %(default)s)"
    )
    compare = step("compare", "compare two finished runs on the rows that judge both")
    compare.add_argument("a", metavar="A", type=Path, help="build folder of a run, such as that of the champion")
    compare.add_argument("b", metavar="B", type=Path, help="build folder of the run that is held against it")
    compare.add_argument(
        "--to",
        metavar="DIR",
        type=Path,
        help="where comparison.json and comparison.md go (default: comparison in FRAUD_BUILD)",
    )
    serve = step("serve", "serve the model over HTTP")
    serve.epilog = f"{_told(('build', *settings.SERVING))}\n\n{_EPILOG}"
    serve.add_argument("--access-log", choices=("on", "off"), help="overrides FRAUD_ACCESS_LOG; off is faster")
    promote = step("promote", "let the API serve another bundle from now on, one that the gates passed")
    promote.add_argument(
        "folder", metavar="DIR", type=Path, help="the bundle, such as build/model; an earlier copy is the way back"
    )
    promote.add_argument(
        "--to", metavar="LINK", type=Path, help="the link that is served (default: FRAUD_BUNDLE); copies stay beside it"
    )
    promote.add_argument("--ungated", action="store_true", help="serve it whatever gate.json says, or where none is")
    keys = step("key", "make keys of the API")
    new = keys.add_subparsers(dest="action", required=True, metavar="ACTION").add_parser(
        "new", help="add a key to the file that FRAUD_API_KEYS_FILE names, and print it: it is kept nowhere"
    )
    new.add_argument("name", metavar="NAME", help="whose it is")
    good = new.add_mutually_exclusive_group()
    good.add_argument("--days", type=_days, default=365, help="how long it is good (default: %(default)s)")
    good.add_argument("--never-expires", dest="days", action="store_const", const=None)
    step("examples", "draw the transactions that the API's pages show; write fraud/api/static/examples.json")
    step("settings", "list the settings with their values")
    score = step("score", "add probability, prediction and decision to every row of a file")
    score.add_argument("input", metavar="IN", type=Path, help="transactions: .csv, .csv.gz or .parquet")
    score.add_argument("output", metavar="OUT", type=Path, help="where the scored rows go, in one of the same formats")
    score.add_argument("--bundle", metavar="DIR", type=Path, help="the model bundle (default: that of BUILD)")
    twin = step("twin", "fit the statistics of a synthetic twin, or check how true it is")
    actions = twin.add_subparsers(dest="action", required=True, metavar="ACTION")
    fit = actions.add_parser("fit", help="fit the twin's statistics to genuine transactions")
    fit.add_argument("data", metavar="DATA", type=Path)
    fit.add_argument("--out", metavar="FILE", type=Path, default=Path("data/twin.json"), help="default: %(default)s")
    fit.add_argument(
        "--sample-of-published",
        action="store_true",
        help="DATA is a sample of the published data: complete it by what is known of the whole",
    )
    check = actions.add_parser("check", help="measure the twin's fidelity against genuine transactions")
    check.add_argument("data", metavar="DATA", type=Path)
    return parser


def _told(names: Sequence[str]) -> str:
    """What these settings are, a line each, with what holds where one is not given."""
    lines = ["environment variables:"]
    for name in names:
        field = settings.Settings.model_fields[name]
        lines.append(f"  {settings.PREFIX + name.upper():21} {field.description} (default: {field.default})")
    return "\n".join(lines)


def _days(text: str) -> int:
    return _whole(text, 36_500)


def _count(text: str) -> int:
    return _whole(text)


def _whole(text: str, most: int | None = None) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1 or (most is not None and number > most):
        # Of any other error, argparse tells no more than the name of the function.
        allowed = "a whole number from 1" + ("" if most is None else f" to {most:,}")
        raise argparse.ArgumentTypeError(f"{text!r}: give {allowed}")
    return number
