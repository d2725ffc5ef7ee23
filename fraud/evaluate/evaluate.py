"""The evaluation step: scores the bundles through `Scorer` on the rows kept apart, and writes what they are worth."""

from typing import Any

import numpy as np
import pandas as pd

from fraud import artefacts, bundle, schema
from fraud.dataset import source, split
from fraud.errors import UsageError
from fraud.evaluate.details import details
from fraud.evaluate.judged import Judged, judged
from fraud.evaluate.paired import paired
from fraud.metrics import curves
from fraud.metrics.bands import bands
from fraud.metrics.recalibration import recalibration
from fraud.metrics.weights import legitimate_weight
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
        asked = judged(name, frame, record["digest"], rows, settings)
        protocols[name] = _protocol(asked, weight, settings)
        tables.append(_table(name, asked, weight))
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


def _protocol(judged: Judged, weight: float, settings: Settings) -> dict[str, Any]:
    label = judged.label
    found = paired(label, judged.amount, judged.scores, settings.costs, weight, settings.bootstrap_draws, settings.seed)
    record: dict[str, Any] = {
        "rows": len(label),
        "frauds": int(label.sum()),
        "training": judged.manifest("model").training,
        **{
            role: {
                "name": judged.manifest(role).name,
                "version": judged.manifest(role).version,
                "digest": judged.manifest(role).digest,
                "thresholds": judged.manifest(role).thresholds.model_dump(),
                "metrics": found.metrics(role),
                "calibration": recalibration(label, judged.scores[role].probability, weight),
                "curves": curves.curves(label, judged.scores[role].probability, weight),
                "bands": bands(label, judged.scores[role].probability, weight, settings.bootstrap_draws, settings.seed),
            }
            for role in judged.scores
        },
    }
    record["model"] |= details(judged, weight, settings)
    for role in judged.scores:
        if role != "model":
            record[role]["difference"] = found.difference("model", role)
    if "champion" in judged.scores:
        record["champion"]["caveats"] = judged.caveats
    return {"champion": None, **record}


def _table(protocol: str, judged: Judged, weight: float) -> pd.DataFrame:
    model = judged.scores["model"]
    return pd.DataFrame(
        {
            "protocol": protocol,
            "row": judged.rows,
            "label": judged.label,
            "weight": np.where(judged.label == 1, 1.0, weight),
            "time": judged.time,
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
