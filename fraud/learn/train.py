"""The training step: both protocols' bundles by one recipe, beside them those of what the model is held to."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
from rich.progress import Progress

from fraud import artefacts, bundle, schema
from fraud.bundle import Manifest
from fraud.dataset import source, split
from fraud.dataset.split import Rows
from fraud.learn import chosen, recipe
from fraud.learn.beside import beside, thinner
from fraud.learn.candidates import Candidate
from fraud.learn.explain import explain
from fraud.learn.export import to_graph
from fraud.learn.recipe import Fitted
from fraud.metrics.weights import legitimate_weight
from fraud.settings import Settings
from fraud.terminal import bar

# The candidate to fit, and what the artefacts say of how it was chosen.
Recipe = tuple[Candidate, dict[str, Any]]


def run(settings: Settings) -> dict[str, Any]:
    """Write the bundles, then `training.json`, and return what it says.

    Raises:
        UsageError: the data is missing or has changed since it was checked.
    """
    frame, record = source.opened(settings)
    frauds = int(frame[schema.LABEL.name].sum())
    weight = legitimate_weight(len(frame) - frauds, frauds, settings.prevalence)
    provenance = artefacts.provenance(settings.recorded(), record)
    told = chosen.read()
    by = told.candidate, told.record(split.content_digest(frame))
    with bar() as progress:
        if settings.all_rows:
            protocols = {"all rows": _on_all_rows(frame, settings, weight, by, provenance, progress)}
        else:
            protocols = _on_protocols(frame, settings, weight, by, provenance, progress)
    document = {
        "legitimate_weight": weight,
        "protocols": protocols,
        "provenance": provenance,
    }
    artefacts.write_json(settings.build / "training.json", document)
    return document


def _on_protocols(
    frame: pd.DataFrame,
    settings: Settings,
    weight: float,
    by: Recipe,
    provenance: dict[str, Any],
    progress: Progress,
) -> dict[str, Any]:
    splits = split.protocols(frame, settings.test_share, settings.future_share, settings.seed)
    task = progress.add_task("train", total=None)

    def done() -> None:
        progress.advance(task)

    studies = {
        protocol: recipe.cross_validation(frame.iloc[rows.train], settings, weight, done)
        for protocol, rows in splits.items()
    }
    # What more rows would be worth is asked of the bundle that ships alone.
    fewer = {"random": thinner(*studies["random"]), "chronological": []}
    steps = recipe.steps(settings, by[0]) + recipe.logistic_steps(settings) + 1
    progress.update(task, total=len(splits) * steps + len(fewer["random"]) * recipe.fits(settings, by[0]))

    records: dict[str, Any] = {}
    answers = []
    for protocol, rows in splits.items():
        study, folds = studies[protocol]
        training = study.rows
        fitted = {
            "model": _by(by, training, settings, weight, done),
            "logistic": recipe.fit_logistic(training, settings, weight, done),
            "reference": recipe.fit_reference(training, settings, done),
        }
        written = {
            role: _write(folder, fitted[role], protocol, rows.train, training, settings, provenance)
            for role, folder in bundle.FOLDERS[protocol].items()
        }
        trials = (*fitted["model"].trials, *fitted["logistic"].trials)
        records[protocol] = {
            **_record(written["model"]),
            "logistic": _record(written["logistic"]),
            **beside(trials, study, folds, fewer[protocol], settings.bootstrap_draws),
        }
        # What the pipeline itself answers for rows it has not seen, to hold the exported bundle against. The bundle is
        # sealed by now, and no label of those rows is read.
        unseen = frame.iloc[rows.test]
        answers.append(
            pd.DataFrame({"protocol": protocol, "row": rows.test, "probability": fitted["model"].probability(unseen)})
        )
    with artefacts.replacing(settings.build / "pipeline.parquet") as temporary:
        pd.concat(answers).to_parquet(temporary, index=False)
    return records


def _on_all_rows(
    frame: pd.DataFrame,
    settings: Settings,
    weight: float,
    by: Recipe,
    provenance: dict[str, Any],
    progress: Progress,
) -> dict[str, Any]:
    task = progress.add_task("train", total=recipe.steps(settings, by[0]))
    fitted = _by(by, frame, settings, weight, lambda: progress.advance(task))
    rows = pd.RangeIndex(len(frame)).to_numpy()
    study = recipe.cross_validation(frame, settings, weight)
    return {
        **_record(_write("model", fitted, "all rows", rows, frame, settings, provenance)),
        **beside(fitted.trials, *study, [], settings.bootstrap_draws),
    }


def _by(by: Recipe, rows: pd.DataFrame, settings: Settings, weight: float, done: Callable[[], None]) -> Fitted:
    candidate, record = by
    fitted = recipe.fit(rows, settings, weight, candidate, done)
    return replace(fitted, selection={"recipe": record, **fitted.selection})


def _write(
    folder: str,
    fitted: Fitted,
    protocol: str,
    rows: Rows,
    training: pd.DataFrame,
    settings: Settings,
    provenance: dict[str, Any],
) -> Manifest:
    explained = explain(fitted.model)
    data = {name: provenance["data"][name] for name in ("source", "digest", "rows", "frauds")}
    manifest = Manifest.model_validate(
        {
            "name": fitted.model.candidate.name,
            "protocol": protocol,
            "output": fitted.model.candidate.output,
            "time": fitted.model.candidate.time,
            "calibration": fitted.calibration,
            "thresholds": fitted.thresholds,
            "reasons": explained.reasons,
            "features": fitted.features,
            "training": {
                "data": data,
                "rows": len(training),
                "frauds": int(training[schema.LABEL.name].sum()),
                "rows_digest": split.digest(rows),
                "prevalence": settings.prevalence,
            },
            "selection": fitted.selection,
            "provenance": provenance,
        }
    )
    return bundle.write(settings.build / folder, to_graph(fitted.model), manifest, explained.graph)


def _record(manifest: Manifest) -> dict[str, Any]:
    kept = {"name", "digest", "calibration", "thresholds", "training", "selection"}
    return {"version": manifest.version, **manifest.model_dump(mode="json", include=kept)}
