"""The steps `select` and `experiments`: what is chosen, and the study that says what the choice is worth."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fraud import artefacts, schema
from fraud.dataset import source, split
from fraud.learn import chosen, study
from fraud.learn.candidates import REFERENCE, Candidate, registry, selectable
from fraud.learn.chosen import Chosen, ChosenOn
from fraud.learn.select import Choice, choose
from fraud.learn.selection import Frame, OutOfTimeError
from fraud.learn.store import Store
from fraud.learn.study import Plan, Protocol
from fraud.metrics.weights import legitimate_weight
from fraud.report import experiments
from fraud.settings import Settings
from fraud.terminal import bar, say

# A selection on all rows is done once; one inside each outer fold of a study many times.
_RUNGS = 3
_FOLDS = 5
_ON_OUTER_FOLDS = ("lightgbm-defaults", "catboost-defaults", "xgboost-defaults")


def run_select(settings: Settings) -> Choice:
    """Choose the recipe on all rows given and write it to `recipe.toml`, with the digest of those rows.

    Raises:
        UsageError: the data is missing, or too few for the folds.
    """
    with _frame(settings) as frame:
        candidates = _candidates()
        choice = choose(candidates, frame, _FOLDS, _RUNGS, settings.bootstrap_draws)
    if not choice.complete:
        say("the budget ended before the last rung: the choice rests on the rungs before it")
    on = ChosenOn(
        digest=split.content_digest(frame.rows),
        rows=len(frame.rows),
        frauds=int(frame.label.sum()),
        prevalence=settings.prevalence,
    )
    chosen.write(Chosen(chosen_on=on, candidate=choice.candidate))
    document = {**choice.record(), "chosen_on": on.model_dump(mode="json")}
    artefacts.write_json(settings.build / "experiments" / "selection.json", document)
    return choice


def run_experiments(settings: Settings, plan: Plan = Plan()) -> dict[str, Any]:  # noqa: B008, it is frozen
    """Run the study on the data given and write `study.json` and its page; both name what the budget cut off.

    Raises:
        UsageError: the data is missing, or too few for the folds.
    """
    with _frame(settings) as frame:
        document: dict[str, Any] = {"plan": vars(plan), "legitimate_weight": frame.weight, "cut": []}
        _, record = source.opened(settings)
        document |= {"synthetic": record["source"] == "twin", "prevalence": settings.prevalence}
        document["rows"], document["frauds"] = len(frame.rows), int(frame.label.sum())
        for name, part in _parts(frame, plan).items():
            try:
                document[name] = part()
            except OutOfTimeError:
                document["cut"].append(name)
                document[name] = None
    document["provenance"] = artefacts.provenance(settings.recorded(), record)
    folder = settings.build / "experiments"
    artefacts.write_json(folder / "study.json", document)
    artefacts.write_text(folder / "index.html", experiments.page(document))
    return document


def _parts(frame: Frame, plan: Plan) -> dict[str, Callable[[], Any]]:
    """The parts of the study by name, in the order in which a budget is spent on them."""
    named = registry()
    candidates = _candidates()
    fixed = [*(c for c in named.values() if c.study is None and c not in candidates), REFERENCE]

    def protocol(name: Protocol) -> Callable[[], Any]:
        def run() -> Any:
            trials = study.nested(name, candidates, fixed, frame, plan)
            rows = study.table(trials, frame, plan, study.SELECTED, calibrated=name == "random")
            if name != "random":
                return {"table": rows}
            blended = [c.name for c in candidates if not c.members]
            return {
                "table": rows,
                "hardest": study.hardest(trials, frame),
                "hindsight": study.hindsight(trials, frame, blended),
            }

        return run

    def comparison(kind: str, against: str) -> Callable[[], Any]:
        def run() -> Any:
            compared = [named[against], *(c for c in named.values() if c.study == kind and c.name != against)]
            trials = study.fixed(compared, frame, plan)
            return {"table": study.table(trials, frame, plan, against, calibrated=True)}

        return run

    return {
        "random": protocol("random"),
        "chronological": protocol("chronological"),
        "imbalance": comparison("imbalance", "imbalance-nothing"),
        "features": comparison("features", "lightgbm"),
        "learning_curve": lambda: study.learning_curve(chosen.read().candidate, frame, plan),
    }


def _candidates() -> list[Candidate]:
    """What selection chooses from: not the defaults that it is compared with."""
    return [c for c in selectable(tuple(registry().values())) if c.name not in _ON_OUTER_FOLDS]


@contextmanager
def _frame(settings: Settings) -> Iterator[Frame]:
    """What all fits share, while a bar counts them."""
    rows, _ = source.opened(settings)
    frauds = int(rows[schema.LABEL.name].sum())
    budget = float("inf") if settings.budget is None else 60 * settings.budget
    with bar() as progress:
        task = progress.add_task("fits", total=None)
        yield Frame(
            rows,
            legitimate_weight(len(rows) - frauds, frauds, settings.prevalence),
            settings.seed,
            settings.jobs,
            Store(settings.build / "experiments" / "fits"),
            time.monotonic() + budget,
            lambda: progress.advance(task),
        )
