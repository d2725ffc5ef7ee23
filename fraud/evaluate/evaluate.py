"""The evaluation step: scores the bundles through `Scorer` on the rows kept apart, and writes what they are worth."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fraud import artefacts, bundle, schema
from fraud.bundle import Manifest
from fraud.dataset import source, split
from fraud.dataset.split import Split
from fraud.errors import UsageError
from fraud.evaluate.champion import champion
from fraud.evaluate.paired import paired
from fraud.metrics import curves
from fraud.metrics.recalibration import recalibration
from fraud.metrics.weights import legitimate_weight
from fraud.scorer import Scorer, Scores
from fraud.settings import Settings
from fraud.terminal import track

FORMAT = 1


def run(settings: Settings) -> dict[str, Any]:
    """Write `scores.parquet`, then `metrics.json`, and return what the latter says.

    Raises:
        UsageError: a bundle is missing, was changed, or was fitted on other rows than this split leaves for training.
    """
    if settings.all_rows:
        raise UsageError("FRAUD_ALL_ROWS leaves no rows to judge a model on: unset it, or score rows kept elsewhere")
    frame, record = source.opened(settings)
    frauds = int(frame[schema.LABEL.name].sum())
    weight = legitimate_weight(len(frame) - frauds, frauds, settings.prevalence)
    splits = split.protocols(frame, settings.test_share, settings.future_share, settings.seed)
    protocols, tables = {}, []
    for name, rows in track(splits.items(), "evaluate"):
        judged = _judged(name, frame, record["digest"], rows, settings)
        protocols[name] = _protocol(judged, weight, settings)
        tables.append(_table(name, judged, weight))
    with artefacts.replacing(settings.build / "scores.parquet") as temporary:
        pd.concat(tables).to_parquet(temporary, index=False)
    document = {
        "format": FORMAT,
        "synthetic": record["source"] == "twin",
        "baseline": None if settings.baseline is None else settings.baseline.as_posix(),
        "prevalence": settings.prevalence,
        "legitimate_weight": weight,
        "recipe": bundle.read(settings.build / bundle.FOLDERS["random"]["model"]).manifest.selection["recipe"],
        "protocols": protocols,
        "scores_digest": artefacts.sha256(settings.build / "scores.parquet"),
        "provenance": artefacts.provenance(settings.recorded(), record),
    }
    artefacts.write_json(settings.build / "metrics.json", document)
    return document


@dataclass(frozen=True)
class _Judged:
    """The rows that judge one protocol, with the answers of its bundles by role, its champion among them, if any."""

    rows: NDArray[np.intp]
    frame: pd.DataFrame
    manifests: dict[str, Manifest]
    scores: dict[str, Scores]
    caveats: list[str]

    @property
    def label(self) -> NDArray[np.int8]:
        return self.frame[schema.LABEL.name].to_numpy().astype(np.int8)

    @property
    def amount(self) -> NDArray[np.float64]:
        return self.frame[schema.AMOUNT.name].to_numpy(np.float64)


def _judged(protocol: str, frame: pd.DataFrame, data_digest: str, rows: Split, settings: Settings) -> _Judged:
    test = frame.iloc[rows.test]
    features = test[list(schema.FEATURES)].to_numpy()
    manifests, scores = {}, {}
    for role, folder in bundle.FOLDERS[protocol].items():
        scorer = Scorer(settings.build / folder, threads=settings.jobs)
        _refuse_other_rows(settings.build / folder, scorer.manifest, data_digest, rows, protocol)
        manifests[role], scores[role] = scorer.manifest, scorer.score(features)
    held = champion(protocol, frame, data_digest, rows, settings)
    if held is not None:
        manifests["champion"], scores["champion"] = held.scorer.manifest, held.scorer.score(features)
    return _Judged(rows.test, test, manifests, scores, [] if held is None else held.caveats)


def _refuse_other_rows(folder: Path, manifest: Manifest, data_digest: str, rows: Split, protocol: str) -> None:
    fitted_on = manifest.protocol, manifest.training["data"]["digest"], manifest.training["rows_digest"]
    if fitted_on != (protocol, data_digest, split.digest(rows.train)):
        raise UsageError(
            f"{folder} was not fitted on the training rows of the {protocol} protocol, so what is left would not judge "
            f"it: run `make train` again"
        )


def _protocol(judged: _Judged, weight: float, settings: Settings) -> dict[str, Any]:
    label = judged.label
    found = paired(label, judged.amount, judged.scores, settings.costs, weight, settings.bootstrap_draws, settings.seed)
    record: dict[str, Any] = {
        "rows": len(label),
        "frauds": int(label.sum()),
        "training": judged.manifests["model"].training,
        **{
            role: {
                "name": judged.manifests[role].name,
                "version": judged.manifests[role].version,
                "digest": judged.manifests[role].digest,
                "thresholds": judged.manifests[role].thresholds.model_dump(),
                "metrics": found.metrics(role),
                "calibration": recalibration(label, judged.scores[role].probability, weight),
                "curves": curves.curves(label, judged.scores[role].probability, weight),
            }
            for role in judged.scores
        },
    }
    for role in judged.scores:
        if role != "model":
            record[role]["difference"] = found.difference("model", role)
    if "champion" in judged.scores:
        record["champion"]["caveats"] = judged.caveats
    return {"champion": None, **record}


def _table(protocol: str, judged: _Judged, weight: float) -> pd.DataFrame:
    model = judged.scores["model"]
    return pd.DataFrame(
        {
            "protocol": protocol,
            "row": judged.rows,
            "label": judged.label,
            "weight": np.where(judged.label == 1, 1.0, weight),
            "time": judged.frame[schema.TIME.name].to_numpy(),
            "amount": judged.amount,
            "probability": model.probability,
            "prediction": model.prediction,
            "decision": model.decision,
            "threshold": model.threshold,
            **{
                f"{role}_{name}": getattr(judged.scores[role], name)
                for role in ("logistic", "reference")
                for name in ("probability", "prediction", "decision")
            },
        }
    )
