"""What a report says, in words and rows of text, the same for every form that it takes."""

import shlex
from collections.abc import Callable
from datetime import datetime
from typing import Any

from fraud.report import words
from fraud.report.beside import BESIDE, champion, metric, money, since_champion
from fraud.report.choice import recipe, training
from fraud.report.decisions import decisions
from fraud.report.details import details
from fraud.report.evidence import Evidence
from fraud.settings import Settings

SOURCES = {
    "published": "the published data set, genuine transactions of two days of September 2013",
    "own": "a file of the caller's own",
    "twin": "the synthetic twin: drawn from statistics of genuine transactions, none of these ever happened",
}

_COUNTS = ("true_positives", "false_negatives", "false_positives", "true_negatives")

# The settings that `make` takes as variables of its own; the others reach it through the environment.
_MAKE = {"prevalence": "PREVALENCE", "twin_rows": "TWIN_ROWS", "twin_frauds": "TWIN_FRAUDS"}


def story(evidence: Evidence, volume: int | None = None) -> dict[str, Any]:
    """The parts of the report by name, for the templates; artefacts that need no words come as they are.

    Args:
        volume: transactions a day, if known.
    """
    metrics = evidence.metrics
    return {
        "ships": evidence.gate["verdict"] == "pass",
        "sentence": evidence.gate["sentence"],
        "synthetic": metrics["synthetic"],
        "data": evidence.data,
        "source": SOURCES[evidence.data["source"]],
        "dates": {"recorded": _day(evidence.data["date"]), "judged": _day(metrics["provenance"]["created"])},
        "version": metrics["protocols"]["random"]["model"]["version"],
        "weight": None if metrics["prevalence"] is None else words.number(metrics["legitimate_weight"]),
        "prevalence": metrics["prevalence"],
        "figures": _figures(metrics["protocols"]),
        "gates": [_gate(gate) for gate in evidence.gate["gates"]],
        "protocols": {name: _protocol(name, judged, metrics) for name, judged in metrics["protocols"].items()},
        "since": since_champion(metrics["protocols"]),
        "details": {name: details(judged["model"]) for name, judged in metrics["protocols"].items()},
        "decisions": {name: decisions(judged, volume) for name, judged in metrics["protocols"].items()},
        "metrics": [metric(name, metrics["protocols"]) for name in metrics["protocols"]["random"]["model"]["metrics"]],
        "recipe": recipe(metrics["recipe"], metrics["synthetic"]),
        "training": {name: training(record) for name, record in evidence.training["protocols"].items()},
        "validation": evidence.validation,
        "claims": evidence.explore["claims"],
        "provenance": _provenance(evidence),
        "settings": metrics["provenance"]["settings"],
        "draws": metrics["provenance"]["settings"]["bootstrap_draws"],
        "command": _command(evidence),
        "revision": metrics["provenance"]["revision"],
        "limits": _limits(metrics),
    }


def _day(moment: str) -> str:
    return datetime.fromisoformat(moment).date().isoformat()


def _figures(protocols: dict[str, Any]) -> list[dict[str, Any]]:
    """The figures that matter, each with the words before and after it."""
    models = {name: judged["model"]["metrics"] for name, judged in protocols.items()}
    return [
        _figure("Of 100 frauds it finds", "", "recall", words.of_hundred, models),
        _of_alerts(models),
        _figure("ROC-AUC", "", "roc_auc", words.rounded, models),
        _figure("Of 100 euros that could be saved it saves", "", "savings_share", words.of_hundred, models),
    ]


def _of_alerts(models: dict[str, Any]) -> dict[str, Any]:
    """How many of 100 alerts are frauds; of none, nothing can be told."""
    told = _figure("Of 100 alerts", "are frauds", "precision", words.of_hundred, models)
    for name, model in models.items():
        if model["true_positives"]["value"] + model["false_positives"]["value"] > 0:
            continue
        if name in told["others"]:
            told["others"][name] = "no alert is raised"
        else:
            told.update(
                before="Alerts that it raises", value="none", after="so there is no precision", low=None, high=None
            )
    return told


def _figure(
    before: str,
    after: str,
    metric: str,
    shown: Callable[[words.Figure], tuple[str, str, str]],
    models: dict[str, Any],
) -> dict[str, Any]:
    value, low, high = shown(models["random"][metric])
    others = {name: "{} ({} to {})".format(*shown(model[metric])) for name, model in models.items() if name != "random"}
    return {"before": before, "after": after, "value": value, "low": low, "high": high, "others": others}


def _gate(gate: dict[str, Any]) -> dict[str, Any]:
    measured = words.number(gate["value"]) if gate["low"] is None else words.with_interval(gate)
    return {**gate, "measured": measured, "bar": _bar(gate)}


def _bar(gate: dict[str, Any]) -> dict[str, Any] | None:
    """The ends of a gate's bar, its interval and its limits, in hundredths of the bar's room; None where all are 0."""
    ends = {name: gate[name] for name in ("low", "high", "min", "max") if gate[name] is not None}
    least, most = min(0, gate["value"], *ends.values()), max(gate["value"], *ends.values())
    # A share of one has all of it for its room.
    most = 1 if 0 < most <= 1 and gate["low"] is not None and least == 0 else most + 0.05 * (most - least)
    if most == least:
        return None
    place = {
        name: 100 * (each - least) / (most - least)
        for name, each in {**ends, "value": gate["value"], "zero": 0}.items()
    }
    return {"from": min(place["zero"], place["value"]), "width": abs(place["value"] - place["zero"]), **place}


def _protocol(name: str, judged: dict[str, Any], metrics: dict[str, Any]) -> dict[str, Any]:
    settings = metrics["provenance"]["settings"]
    about = {
        "random": f"{words.percent(settings['test_share'])} of all rows, drawn at random from each class",
        "chronological": f"the latest {words.percent(settings['future_share'])} of rows, judging a model that was "
        "trained on the earlier ones",
    }
    return {
        "about": about[name],
        "rows": judged["rows"],
        "frauds": judged["frauds"],
        "roles": {
            role: {
                **{key: judged[role][key] for key in ("name", "version", "digest")},
                "threshold": _threshold(judged[role]["thresholds"]),
                "counts": {count: words.rounded(judged[role]["metrics"][count]) for count in _COUNTS},
                "calibration": _calibration(judged[role]["calibration"]),
            }
            for role in ("model", *BESIDE)
        },
        "money": money(judged),
        "champion": champion(judged["champion"]),
    }


def _threshold(thresholds: dict[str, Any]) -> str:
    return "each amount's own threshold" if "by_amount" in thresholds else words.number(thresholds["review"])


def _calibration(found: dict[str, dict[str, float] | None]) -> str:
    """Slope and intercept, and what they say of the probabilities."""
    slope, intercept = found["slope"], found["intercept"]
    told = []
    if slope is None:
        told.append("no calibration slope, since no score of one class lies among those of the other")
    else:
        says = _beside(slope, 1, "probabilities are too extreme", "probabilities are too timid")
        told.append(f"calibration slope {words.with_interval(slope)}: {says}")
    if intercept is not None:
        says = _beside(intercept, 0, "probabilities are too high", "probabilities are too low")
        told.append(f"calibration intercept {words.with_interval(intercept, signed=True)}: {says}")
    return "; ".join(told)


def _beside(figure: dict[str, float], ideal: float, below: str, above: str) -> str:
    if figure["high"] < ideal:
        return below
    return above if figure["low"] > ideal else f"{ideal} is within noise"


def _provenance(evidence: Evidence) -> list[tuple[str, str]]:
    made = evidence.metrics["provenance"]
    return [
        ("Data", f"{evidence.data['path']}: {SOURCES[evidence.data['source']]}"),
        ("Data digest (SHA-256)", evidence.data["digest"]),
        ("Data recorded", evidence.data["date"]),
        *((f"Bundle {folder} (digest)", digest) for folder, digest in evidence.gate["bundles"].items()),
        ("Evaluated", made["created"]),
        ("Judged by the gates", evidence.gate["provenance"]["created"]),
        ("Source revision", made["revision"] or "unknown: not run from a git checkout"),
        ("Python and platform", f"{made['python']}, {made['platform']}"),
        ("Packages", ", ".join(f"{name} {version}" for name, version in made["packages"].items() if version)),
    ]


def _command(evidence: Evidence) -> str:
    """The command that makes this run again: every setting that is not its default, and the number of threads."""
    settings = evidence.metrics["provenance"]["settings"]
    environment, variables = [], []
    if evidence.data["path"] == (evidence.build / "twin.parquet").as_posix():
        variables.append("DATA_SOURCE=twin")
    elif evidence.data["path"] != Settings.model_fields["data"].default.as_posix():
        variables.append(f"DATA={shlex.quote(evidence.data['path'])}")
    if (baseline := evidence.metrics["baseline"]) is not None:
        # The champion may lie where a run is built by default, which must not overwrite it.
        variables += [f"BUILD={shlex.quote(evidence.build.as_posix())}", f"BASELINE={shlex.quote(baseline)}"]
    for name, value in settings.items():
        if name == "data_source" or value == Settings.model_fields[name].default:
            continue
        if name in _MAKE:
            variables.append(f"{_MAKE[name]}={value}")
        else:
            environment.append(f"FRAUD_{name.upper()}={shlex.quote(str(value))}")
    return " ".join([*environment, "make", "all", *variables])


def _limits(metrics: dict[str, Any]) -> list[str]:
    """What the figures can't show."""
    frauds = " and ".join(f"{judged['frauds']:,}" for judged in metrics["protocols"].values())
    synthetic = (
        "These figures are of synthetic rows. They say nothing of any real cardholder, and a model that was fitted on "
        "such rows must not decide about one."
    )
    return [
        *([synthetic] if metrics["synthetic"] else []),
        "The published data, whose columns these are, cover two days of September 2013 and European cardholders: no "
        "week, no season, and no habit that fraudsters have taken up since.",
        "V1 to V28 are anonymised components: no score can be explained in terms of a card, a merchant or a customer, "
        "and no group of people can be checked for unequal treatment.",
        f"An interval tells the chance in the rows that judge the model ({frauds} frauds), not that of training it on "
        "other rows.",
        "Labels are taken as they stand: a fraud that nobody reported counts as legitimate.",
    ]
