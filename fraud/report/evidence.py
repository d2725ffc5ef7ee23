"""The artefacts that a report is drawn from, read together and refused where they are not of one run."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from fraud import artefacts
from fraud.errors import UsageError

# Each artefact with the command that makes it.
_STEPS = {
    "data": "make data",
    "validation": "make validate",
    "explore": "make explore",
    "training": "make train",
    "metrics": "make evaluate",
    "gate": "make check-model",
}


@dataclass(frozen=True)
class Evidence:
    """What the steps of one run wrote: JSON documents by their file's name, `scores` a row for each judged one."""

    build: Path
    data: dict[str, Any]
    validation: dict[str, Any]
    explore: dict[str, Any]
    training: dict[str, Any]
    metrics: dict[str, Any]
    gate: dict[str, Any]
    scores: pd.DataFrame


def read(build: Path) -> Evidence:
    """Read the artefacts of a finished run.

    Raises:
        UsageError: one is missing or of another run; the text names the step to run.
    """
    documents = {name: artefacts.read_json(build / f"{name}.json", step) for name, step in _STEPS.items()}
    for path, step, why in _stale(build, documents):
        raise UsageError(f"{path} {why}: run `{step}` again")
    scores = pd.read_parquet(artefacts.scores(build, documents["metrics"]["scores_digest"]))
    for judged in documents["metrics"]["protocols"].values():
        _tell_apart(judged)
    return Evidence(build=build, scores=scores, **documents)


def _stale(build: Path, documents: dict[str, dict[str, Any]]) -> Iterator[tuple[Path, str, str]]:
    """Each artefact of another run, in the order of the steps, with its step and what gives it away."""
    digest = documents["data"]["digest"]
    prevalence = documents["metrics"]["prevalence"]
    bundles = {name: judged["model"]["digest"] for name, judged in documents["metrics"]["protocols"].items()}
    for name, step in _STEPS.items():
        document, path = documents[name], build / f"{name}.json"
        if _data(document)["digest"] != digest:
            yield path, step, "is about other data than data.json"
        settings = document.get("provenance", {}).get("settings", {})
        if settings.get("prevalence", prevalence) != prevalence:
            yield path, step, f"was made at a prevalence of {settings['prevalence']}, metrics.json at {prevalence}"
    if {name: trained["digest"] for name, trained in documents["training"]["protocols"].items()} != bundles:
        yield build / "metrics.json", _STEPS["metrics"], "was measured on other bundles than training.json names"
    if set(documents["gate"]["bundles"].values()) != set(bundles.values()):
        yield build / artefacts.GATE, _STEPS["gate"], "judges other bundles than metrics.json"


def _data(document: dict[str, Any]) -> dict[str, Any]:
    """The record of the data that an artefact stands on; `data.json` is that record itself."""
    record: dict[str, Any] = document.get("provenance", document).get("data", document)
    return record


def _tell_apart(judged: dict[str, Any]) -> None:
    """Give what the model stands beside another name than the model's, which it bears where both are of one kind."""
    for role in ("logistic", "reference"):
        if judged[role]["name"] == judged["model"]["name"]:
            judged[role]["name"] += ", baseline"
