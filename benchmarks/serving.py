"""Measures the API against the blog post's, and granian against gunicorn, on the same two cores in one run.

`python -m benchmarks.serving` after `make all`; needs wrk.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import answers, payload, servers, wrk
from benchmarks.payload import BATCH, Payload
from benchmarks.wrk import Load
from fraud import artefacts, schema, settings
from fraud.dataset import source
from fraud.errors import UsageError
from fraud.scorer import Scorer
from fraud.terminal import table, track

RESULT = "benchmark-serving.json"

_CORES = 2
_CONNECTIONS = 16

BLOG, OWN, OTHER = "the blog post's API", "this API", "this API under gunicorn"

# What is measured of each server, the latter two on one connection and in seconds.
FIGURES = ("requests a second", "median", "99th percentile")


@dataclass(frozen=True)
class Goal:
    """What a ratio is to be, at least or at most; of one without either it is only said."""

    words: str
    least: float | None = None
    most: float | None = None

    @property
    def bound(self) -> str:
        if self.least is None and self.most is None:
            return ""
        return f"at least {self.least:g}" if self.most is None else f"at most {self.most:g}"

    def met(self, ratio: float) -> bool:
        return (self.least is None or ratio >= self.least) and (self.most is None or ratio <= self.most)


GOALS = {
    "rate": Goal(f"requests a second at {_CONNECTIONS} connections, times the blog post's", least=50),
    "median": Goal("median on one connection: the blog post's, times this one", least=20),
    "p99": Goal("99th percentile on one connection: the blog post's, times this one", least=10),
    "json": Goal(f"{BATCH:,} transactions as JSON, times `Scorer` alone", most=2.5),
    "arrow": Goal(f"{BATCH:,} transactions as an Arrow stream, times `Scorer` alone", most=1.25),
    "beside": Goal("99th percentile beside a caller of such batches without pause, times without", most=5),
    "server rate": Goal(f"requests a second at {_CONNECTIONS} connections: granian, times gunicorn"),
    "server median": Goal("median on one connection: gunicorn, times granian"),
}


def main() -> int:
    """Measure, print the ratios, write them to the build folder; the exit code is 1 where one misses its goal."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of everything, interleaved (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=5, help="of each load (default: %(default)s)")
    asked = parser.parse_args()
    try:
        wrk.require()
        document = _measured(asked.rounds, asked.seconds)
    except UsageError as error:
        parser.error(str(error))
    artefacts.write_json(settings.load().build / RESULT, document)
    print(_told(document))
    return 0 if all(ratio["met"] for ratio in document["ratios"].values()) else 1


def _measured(rounds: int, seconds: int) -> dict[str, Any]:
    told = settings.load()
    frame, record = source.opened(told)
    # All that is started from here on shares them.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:_CORES])
    scorer = Scorer(told.build / "model")
    with tempfile.TemporaryDirectory(prefix="fraud-serving-") as temporary, ExitStack() as started:
        folder = Path(temporary)
        sent, fitted = payload.drawn(frame, told.prevalence)
        asked = payload.write(sent, folder)
        forest = payload.forest(fitted, folder)
        urls = {
            BLOG: started.enter_context(servers.blog_post(forest)),
            OWN: started.enter_context(servers.granian(told.build, folder / "granian.log")),
            OTHER: started.enter_context(servers.gunicorn(told.build, folder / "gunicorn.log")),
        }
        answers.check_blog_post(urls[BLOG], sent, forest)
        for name in (OWN, OTHER):
            answers.check(urls[name], sent, asked.arrays[0], scorer)
        every = [_round(urls, asked, scorer, seconds) for _ in track(range(rounds), "rounds")]
    return {
        "data": record["source"],
        "rows": len(sent),
        "frauds": int(sent[schema.LABEL.name].sum()),
        "model": scorer.manifest.version,
        "rounds": rounds,
        "seconds": seconds,
        "ratios": {name: _judged(goal, [ratios[name] for ratios, _ in every]) for name, goal in GOALS.items()},
        "servers": {
            name: {figure: statistics.median(figures[name][figure] for _, figures in every) for figure in FIGURES}
            for name in urls
        },
    }


def _round(
    urls: Mapping[str, str], asked: Payload, scorer: Scorer, seconds: int
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """The ratios of one round, and the figures of each server."""
    many = {name: wrk.send(url, asked.single, _CONNECTIONS, seconds) for name, url in urls.items()}
    one = {name: wrk.send(url, asked.single, 1, seconds) for name, url in urls.items()}
    beside = sum((_beside(urls[OWN], asked) for _ in range(seconds)), Load())
    alone, batches = _batches(urls[OWN], asked, scorer, seconds)
    ratios = {
        "rate": many[OWN].rate / many[BLOG].rate,
        "median": one[BLOG].percentile(50) / one[OWN].percentile(50),
        "p99": one[BLOG].percentile(99) / one[OWN].percentile(99),
        **{name: load.percentile(50) / alone for name, load in batches.items()},
        "beside": beside.percentile(99) / one[OWN].percentile(99),
        "server rate": many[OWN].rate / many[OTHER].rate,
        "server median": one[OTHER].percentile(50) / one[OWN].percentile(50),
    }
    figures = {
        name: dict(zip(FIGURES, (many[name].rate, one[name].percentile(50), one[name].percentile(99)), strict=True))
        for name in urls
    }
    return ratios, figures


def _beside(url: str, asked: Payload) -> Load:
    """Single transactions beside batches, each on a connection of its own: the same worker may get both, or may not."""
    batches = wrk.start(url, asked.batches["json"], 1, 2)
    time.sleep(0.5)
    singles = wrk.send(url, asked.single, 1, 1)
    wrk.finish(batches)
    return singles


def _batches(url: str, asked: Payload, scorer: Scorer, seconds: int) -> tuple[float, dict[str, Load]]:
    """The median time in seconds that `Scorer` takes for a batch, and the load of each format: by turns, a second each,
    since a machine's pace changes from one second to the next, and these ratios are near 1.
    """
    alone: list[float] = []
    loads = dict.fromkeys(asked.batches, Load())
    for _ in range(seconds):
        alone += _scoring(scorer, asked, 1)
        for name, bodies in asked.batches.items():
            loads[name] += wrk.send(url, bodies, 1, 1)
    return statistics.median(alone), loads


def _scoring(scorer: Scorer, asked: Payload, seconds: int) -> list[float]:
    """How long `Scorer` takes for each batch, in seconds."""
    took = []
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends:
        for array in asked.arrays:
            began = time.perf_counter()
            scorer.score(array)
            took.append(time.perf_counter() - began)
    return took


def _judged(goal: Goal, ratios: list[float]) -> dict[str, Any]:
    middle = statistics.median(ratios)
    spread = {"value": middle, "low": min(ratios), "high": max(ratios)}
    return {"words": goal.words, "goal": goal.bound, "met": goal.met(middle), **spread}


def _told(document: dict[str, Any]) -> str:
    figures = (
        (name, f"{found['requests a second']:,.0f}", *(f"{1e3 * found[figure]:.2f} ms" for figure in FIGURES[1:]))
        for name, found in document["servers"].items()
    )
    ratios = (
        (
            ratio["words"],
            f"{ratio['value']:.3g}",
            f"{ratio['low']:.3g} to {ratio['high']:.3g}",
            ratio["goal"],
            "" if not ratio["goal"] else "met" if ratio["met"] else "missed",
        )
        for ratio in document["ratios"].values()
    )
    title = (
        f"{document['rows']:,} transactions with {document['frauds']} frauds, medians of {document['rounds']} rounds"
    )
    servers_ = table(title, (f"{servers.WORKERS} workers each", *FIGURES), figures)
    return f"{servers_}\n\n{table('ratios', ('', 'median', 'range', 'goal', ''), ratios)}"


if __name__ == "__main__":
    sys.exit(main())
