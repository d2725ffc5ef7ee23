"""The steps `select` and `experiments`: what is chosen, and the study that says what the choice is worth."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from fraud import artefacts, schema
from fraud.dataset import source, split
from fraud.errors import UsageError
from fraud.learn import chosen, figures, latency, limits, study
from fraud.learn.candidates import PATH, REFERENCE, Candidate, fit, registry
from fraud.learn.chosen import Chosen, ChosenOn
from fraud.learn.export import to_graph
from fraud.learn.select import Choice, Effort, choose
from fraud.learn.selection import Frame, OutOfTimeError, inputs
from fraud.learn.store import Store
from fraud.learn.study import Plan, Protocol
from fraud.metrics.weights import legitimate_weight
from fraud.report import experiments
from fraud.settings import Settings
from fraud.terminal import bar, say

# Whose curves are drawn, beside the recipe's.
_CURVES = (study.SELECTED, "logistic", "lightgbm-defaults", "catboost-defaults", REFERENCE.name)

_ON_OUTER_FOLDS = ("lightgbm-defaults", "catboost-defaults", "xgboost-defaults")


def run_select(settings: Settings) -> Choice:
    """Choose the recipe on all rows given and write it to `recipe.toml`, with the digest of those rows.

    Raises:
        UsageError: the data is missing, or too few for the folds, or the budget for one rung; or one transaction takes
            what is chosen longer than `latency.MOST`: the recipe is left as it was.
    """
    with _frame(settings, 0) as (frame, _):
        try:
            choice = choose(_candidates(), frame, Effort(draws=settings.bootstrap_draws))
        except OutOfTimeError:
            raise UsageError(
                f"{settings.budget:g} minutes were too few for one rung of the selection: give a larger BUDGET; what "
                f"was fitted is kept in {_fits(settings)}"
            ) from None
    if not choice.complete:
        say("the budget ended before the last rung: the choice rests on the rungs before it")
    on = ChosenOn(
        digest=split.content_digest(frame.rows),
        rows=len(frame.rows),
        frauds=int(frame.label.sum()),
        prevalence=settings.prevalence,
    )
    prepared, label = inputs(frame.rows, choice.candidate)
    graph = to_graph(fit(choice.candidate, prepared, label, frame.weight, frame.seed))
    took = latency.one_row(graph, prepared)
    if took > latency.MOST:
        raise UsageError(
            f"one transaction takes {took:.3f} ms in {choice.candidate.name} alone, more than {latency.MOST} ms: give "
            f"it fewer trees in {PATH.name}, or run this again if the machine was busy; what was fitted is kept"
        )
    say(f"one transaction takes {took:.3f} ms in the model alone; at most {latency.MOST} ms are allowed")
    chosen.write(Chosen(chosen_on=on, candidate=choice.candidate))
    document = {**choice.record(), "chosen_on": on.model_dump(mode="json"), "one_row_milliseconds": took}
    artefacts.write_json(settings.build / "experiments" / "selection.json", document)
    return choice


def run_experiments(settings: Settings, plan: Plan | None = None) -> dict[str, Any]:
    """Run the study on the data given and write `study.json`, its tables as `results.csv`, and its page.

    What the budget cut off is named in the first and the last.

    Raises:
        UsageError: the data is missing, or too few for the folds.
    """
    plan = plan or Plan(rounds=settings.rounds)
    with _frame(settings, _outer_folds(plan)) as (frame, record):
        document: dict[str, Any] = {"plan": asdict(plan), "legitimate_weight": frame.weight, "cut": []}
        document |= {"synthetic": record["source"] == "twin", "prevalence": settings.prevalence}
        document["rows"], document["frauds"] = len(frame.rows), int(frame.label.sum())
        document["recipe"] = chosen.read().record(split.content_digest(frame.rows))
        for name, part in _parts(frame, plan).items():
            try:
                document[name] = part()
            except OutOfTimeError:
                document["cut"].append(name)
                document[name] = None
    document["provenance"] = artefacts.provenance(settings.recorded(), record)
    folder = settings.build / "experiments"
    artefacts.write_json(folder / "study.json", document)
    artefacts.write_text(folder / "results.csv", _tidy(document).to_csv(index=False, lineterminator="\n"))
    artefacts.write_text(folder / "index.html", experiments.page(document))
    return document


def _parts(frame: Frame, plan: Plan) -> dict[str, Callable[[], Any]]:
    """The parts of the study by name, in the order in which a budget is spent on them."""
    named = registry()
    candidates = _candidates()
    recipe = chosen.read().candidate.model_copy(update={"name": study.RECIPE})
    fixed = [*(c for c in named.values() if c.study is None and c not in candidates), REFERENCE, recipe]

    def protocol(name: Protocol) -> Callable[[], Any]:
        def run() -> Any:
            outcomes = study.nested(name, candidates, fixed, frame, plan)
            part: dict[str, Any] = {
                "table": study.table(outcomes, frame, plan, study.SELECTED),
                "recipe": {"name": recipe.name, "advantage": study.advantage(recipe.name, outcomes, frame, plan)},
            }
            first = {shown: outcomes[shown][0].probability for shown in (*_CURVES, recipe.name) if shown in outcomes}
            drawn = frame.label, frame.weight, plan.draws, frame.seed
            part |= {
                "precision_recall": figures.precision_recall(first, *drawn),
                "cost_curve": figures.cost_curve(first, *drawn),
                # Of one round: another one of the same rows is no further evidence.
                "critical_differences": figures.critical_differences(
                    {each: rounds[0].average_precision for each, rounds in outcomes.items()}
                ),
            }
            if name != "random":
                return part
            blended = [c.name for c in candidates if not c.members]
            return {
                **part,
                "hardest": limits.hardest(outcomes, frame),
                "hindsight": limits.hindsight(outcomes, frame, blended),
            }

        return run

    def comparison(protocol: Protocol, kind: str, against: str) -> Callable[[], Any]:
        def run() -> Any:
            compared = [named[against], *(c for c in named.values() if c.study == kind and c.name != against)]
            return {"table": study.table(study.fixed(protocol, compared, frame, plan), frame, plan, against)}

        return run

    return {
        "random": protocol("random"),
        "chronological": protocol("chronological"),
        "imbalance": comparison("random", "imbalance", "imbalance-nothing"),
        "features": comparison("random", "features", "features-none"),
        "features_later": comparison("chronological", "features", "features-none"),
        "imbalance_later": comparison("chronological", "imbalance", "imbalance-nothing"),
        "learning_curve": lambda: study.learning_curve(recipe, frame, plan),
    }


def _fits(settings: Settings) -> Path:
    return settings.build / "experiments" / "fits"


def _tidy(document: dict[str, Any]) -> pd.DataFrame:
    """A line for each metric of each candidate in each table of the study."""
    return pd.DataFrame(
        [
            {
                "study": name,
                "candidate": row["name"],
                "metric": metric,
                **found,
                **{f"difference_{key}": value for key, value in row["difference"].get(metric, {}).items()},
                **{key: row[key] for key in ("fit_seconds", "answer_microseconds", "bytes")},
            }
            for name, part in document.items()
            if isinstance(part, dict) and "table" in part
            for row in part["table"]
            for metric, found in row["metrics"].items()
        ]
    )


def _outer_folds(plan: Plan) -> int:
    """Of all parts: both protocols, two comparisons on each, and five points of the learning curve."""
    return plan.rounds * plan.folds + plan.blocks + 2 * (plan.folds + plan.blocks) + 5 * plan.folds


def _candidates() -> list[Candidate]:
    """What selection chooses from: not the defaults that it is compared with."""
    return [c for c in registry().values() if c.servable and c.name not in _ON_OUTER_FOLDS]


@contextmanager
def _frame(settings: Settings, outer_folds: int) -> Iterator[tuple[Frame, dict[str, Any]]]:
    """What all fits share and the record of its data, while bars count the fits and any outer folds they are for."""
    rows, record = source.opened(settings)
    frauds = int(rows[schema.LABEL.name].sum())
    budget = float("inf") if settings.budget is None else 60 * settings.budget
    with bar() as progress:
        study = progress.add_task("outer folds", total=outer_folds, visible=outer_folds > 0)
        fits = progress.add_task("fits of this stage", total=0)
        frame = Frame(
            rows,
            legitimate_weight(len(rows) - frauds, frauds, settings.prevalence),
            settings.seed,
            settings.jobs,
            Store(_fits(settings)),
            time.monotonic() + budget,
            lambda more: progress.reset(fits, total=more),
            lambda: progress.advance(fits),
            lambda: progress.advance(study),
        )
        yield frame, record
