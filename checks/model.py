"""The gates of the model: may this bundle ship?"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from checks import junit, parity, thresholds
from checks.gate import Gate
from checks.thresholds import DataLimits, MetricLimit
from fraud import artefacts, bundle
from fraud.errors import UsageError
from fraud.settings import Settings

FORMAT = 1

# Failing gates that one sentence has room for.
_TOLD = 3


def run(settings: Settings) -> dict[str, Any]:
    """Hold a run against `thresholds.toml` and write `gate.json` with the verdict, and `gate.xml`; returns the former.

    Raises:
        UsageError: an artefact is missing, or the bundles are not those that were evaluated.
    """
    limits = thresholds.read()
    metrics = artefacts.read_json(settings.build / "metrics.json", "make evaluate")
    validation = artefacts.read_json(settings.build / "validation.json", "make validate")
    manifests = _manifests(settings.build, metrics)
    if settings.baseline is not None and metrics["baseline"] != settings.baseline.as_posix():
        raise UsageError(f"the model was not compared with BASELINE={settings.baseline}: run `make evaluate` again")
    if validation["data"]["digest"] != metrics["provenance"]["data"]["digest"]:
        raise UsageError("the data that was validated is not the data that was evaluated: run `make all` again")
    scores_path = artefacts.scores(settings.build, metrics["scores_digest"])
    gates = [
        *_data(validation, limits.data),
        *parity.gates(
            pd.read_parquet(scores_path),
            _pipeline(settings.build),
            {protocol: manifest.thresholds for protocol, manifest in manifests.items()},
            limits.parity,
        ),
        *(_metric(metrics, limit, f"model.{place}") for place, limit in enumerate(limits.model)),
        *_champion(metrics, limits.champion),
    ]
    document = {
        "format": FORMAT,
        "verdict": "pass" if all(gate.passed for gate in gates) else "fail",
        "sentence": _sentence(metrics, gates),
        "synthetic": metrics["synthetic"],
        "bundles": {bundle.FOLDERS[protocol]["model"]: manifest.digest for protocol, manifest in manifests.items()},
        "gates": [gate.record() for gate in gates],
        "provenance": artefacts.provenance(settings.recorded(), metrics["provenance"]["data"]),
    }
    # Before the verdict, after which make asks for nothing more.
    artefacts.write_bytes(settings.build / "gate.xml", junit.document(document))
    artefacts.write_json(settings.build / artefacts.GATE, document)
    return document


def _sentence(metrics: dict[str, Any], gates: list[Gate]) -> str:
    """The verdict in words, with figure and limit of the first gates that fail: all of them stand in the report."""
    version = metrics["protocols"]["random"]["model"]["version"]
    on = " on synthetic data" if metrics["synthetic"] else ""
    failed = [f"{gate.name} is {gate.bound:.4g}, wanted {gate.limit}" for gate in gates if not gate.passed]
    if failed:
        told = failed[:_TOLD] + ([f"and {len(failed) - _TOLD} more"] if len(failed) > _TOLD else [])
        return f"{version} must not ship: {len(failed)} of {len(gates)} gates fail{on}: {'; '.join(told)}."
    return f"{version} may ship: all {len(gates)} gates pass{on}."


def _manifests(build: Path, metrics: dict[str, Any]) -> dict[str, bundle.Manifest]:
    """By protocol, of the bundles that lie in `build`, which must be those that the metrics were measured on."""
    manifests = {}
    for protocol, folders in bundle.FOLDERS.items():
        folder = build / folders["model"]
        manifests[protocol] = bundle.read(folder).manifest
        if manifests[protocol].digest != metrics["protocols"][protocol]["model"]["digest"]:
            raise UsageError(f"{folder} is not the bundle that was evaluated: run `make evaluate` again")
    return manifests


def _pipeline(build: Path) -> pd.DataFrame:
    path = build / "pipeline.parquet"
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} can't be read ({error}): remove it and run `make train`") from None


def _data(validation: dict[str, Any], limits: DataLimits) -> list[Gate]:
    """The data's own gates again: their limits may have moved since the data was checked."""
    share, frauds = validation["fraud_share"], validation["frauds"]
    valid = validation["verdict"] == "pass"
    return [
        Gate(
            name="data: contract",
            value=float(valid),
            min=1,
            reason="a model is judged only on data that keeps its contract",
        ),
        Gate(
            name="data: share of fraud",
            value=share,
            min=limits.min_fraud_share,
            max=limits.max_fraud_share,
            min_key="data.min_fraud_share",
            max_key="data.max_fraud_share",
            reason="outside these bounds a file is mislabelled or of another kind",
        ),
        Gate(
            name="data: frauds",
            value=frauds,
            min=limits.min_frauds,
            min_key="data.min_frauds",
            reason="fewer can't judge a model",
        ),
    ]


def _metric(metrics: dict[str, Any], limit: MetricLimit, table: str) -> Gate:
    measured = metrics["protocols"][limit.protocol]["model"]["metrics"]
    return _held(f"{limit.protocol}: {limit.metric}", measured, limit, table)


def _champion(metrics: dict[str, Any], limits: tuple[MetricLimit, ...]) -> Iterator[Gate]:
    """The differences to the champion, where there is one."""
    for place, limit in enumerate(limits):
        champion = metrics["protocols"][limit.protocol]["champion"]
        if champion is not None:
            name = f"{limit.protocol}: {limit.metric} less the champion's"
            yield _held(name, champion["difference"], limit, f"champion.{place}", champion["caveats"])


def _held(name: str, measured: dict[str, Any], limit: MetricLimit, table: str, caveats: Iterable[str] = ()) -> Gate:
    if limit.metric not in measured:
        raise UsageError(f"{thresholds.PATH}: no metric {limit.metric!r}; there are {', '.join(sorted(measured))}")
    figure = measured[limit.metric]
    end = [] if limit.bind == "value" else [f"judged by the {limit.bind} end of the interval"]
    return Gate(
        name=name,
        value=figure["value"],
        low=figure["low"],
        high=figure["high"],
        min=limit.min,
        max=limit.max,
        min_key=None if limit.min is None else f"{table}.min",
        max_key=None if limit.max is None else f"{table}.max",
        judged=limit.bind,
        reason=limit.reason,
        detail="; ".join([*end, *caveats]),
    )
