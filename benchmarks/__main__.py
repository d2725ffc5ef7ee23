"""Runs the blog post's script and this project's steps on the same rows, and prints the ratios."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import pandas as pd

from benchmarks.measure import Measured, command
from fraud import artefacts, settings
from fraud.terminal import say, table

STEPS = {
    "data": ("-m", "fraud", "data"),
    "validate": ("-m", "checks", "data"),
    "explore": ("-m", "fraud", "explore"),
    "train": ("-m", "fraud", "train"),
    "evaluate": ("-m", "fraud", "evaluate"),
    "check-model": ("-m", "checks", "model"),
    "report": ("-m", "fraud", "report"),
}


def main() -> int:
    """Measure, print the table, and write it to `benchmark.json` in the build folder."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rows", type=int, default=284_807, help="rows of the twin (default: %(default)s)")
    parser.add_argument("--frauds", type=int, default=492, help="frauds among them (default: %(default)s)")
    parser.add_argument("--no-baseline", action="store_true", help="measure the steps alone, without ratios")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured = _measure(Path(folder), asked)
    baseline = measured.get("blog post's script")
    steps = [figure for name, figure in measured.items() if name in STEPS and name != "data"]
    total = Measured(sum(figure.seconds for figure in steps), max(figure.peak for figure in steps))
    measured["validation to report"] = total
    rows = [
        (
            name,
            f"{figure.seconds:.1f} s",
            f"{figure.seconds / baseline.seconds:.2f}" if baseline else "",
            f"{figure.peak / 2**20:,.0f} MiB",
        )
        for name, figure in measured.items()
    ]
    print(table(f"{asked.rows:,} rows, {asked.frauds} frauds", ("step", "time", "ratio", "peak memory"), rows))
    found = {name: vars(figure) for name, figure in measured.items()}
    artefacts.write_json(settings.load().build / "benchmark.json", found)
    return 0


def _measure(folder: Path, asked: argparse.Namespace) -> dict[str, Measured]:
    """Draw the twin, write it as the CSV that both read, and run everything on it."""
    build, csv = folder / "build", folder / "transactions.csv"
    drawn = {
        "FRAUD_BUILD": str(build),
        "FRAUD_DATA": "data/creditcard.csv",
        "FRAUD_DATA_SOURCE": "twin",
        "FRAUD_TWIN_ROWS": str(asked.rows),
        "FRAUD_TWIN_FRAUDS": str(asked.frauds),
    }
    measured = {"draw the twin": command([sys.executable, "-m", "fraud", "data"], drawn)}
    pd.read_parquet(build / "twin.parquet").to_csv(csv, index=False)
    shutil.rmtree(build)
    given = {"FRAUD_BUILD": str(build), "FRAUD_DATA": str(csv), "FRAUD_DATA_SOURCE": "auto"}
    if not asked.no_baseline:
        say("the blog post's script …")
        measured["blog post's script"] = command([sys.executable, "benchmarks/blog_post.py", str(csv)], {})
    for name, arguments in STEPS.items():
        say(f"{name} …")
        # A verdict against the model, exit code 1, is no failure of the step.
        measured[name] = command([sys.executable, *arguments], given, done=(0, 1))
    return measured


if __name__ == "__main__":
    sys.exit(main())
