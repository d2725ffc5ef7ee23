"""The comparison of two finished runs: B beside A, as evaluation holds a new model beside its champion.

Nothing is scored or split anew. Each run left the answers for the rows that judged it, and those that judged both, by
their position in the same data, judge here: a row that trained either model is not among them, nor is its copy, since a
split keeps copies together. Where B was evaluated with A as its champion, the differences are those of its own
`metrics.json`; otherwise weight, costs, draws and seed are B's just the same.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud import artefacts
from fraud.errors import UsageError
from fraud.evaluate import finished
from fraud.evaluate.finished import Finished, Name
from fraud.evaluate.paired import paired
from fraud.report import comparison
from fraud.terminal import track

FORMAT = 1
DOCUMENT, PAGE = "comparison.json", "comparison.md"

SAME = "A and B are the same bundle"
OTHER_THRESHOLDS = "each decides at its own thresholds, which differ"
OTHER_COSTS = "what decisions cost differs between the runs: the money is counted by the costs of B"


def run(a: Path, b: Path, to: Path) -> dict[str, Any]:
    """Compare the runs of two build folders, write `comparison.json` and `comparison.md` into `to`; returns the former.

    Raises:
        UsageError: an artefact is missing, damaged, or of another run than those beside it, the runs stand on other
            data, or no rows of both classes judge both.
    """
    runs = {"A": finished.read(a), "B": finished.read(b)}
    document = _document(runs)
    artefacts.write_json(to / DOCUMENT, document)
    artefacts.write_text(to / PAGE, comparison.markdown(document))
    return document


def _document(runs: dict[str, Finished]) -> dict[str, Any]:
    a, b = (each.metrics for each in runs.values())
    if a.provenance.data.digest != b.provenance.data.digest:
        raise UsageError(
            f"{runs['A'].folder} and {runs['B'].folder} stand on other data (digests {a.provenance.data.digest[:12]} "
            f"and {b.provenance.data.digest[:12]}), so no row judges both: evaluate both models on the same DATA, such "
            "as the new one with BASELINE= the old one's folder"
        )
    protocols = {name: _protocol(name, runs) for name in track(b.protocols, "compare")}
    if not any(judged["metrics"] for judged in protocols.values()):
        raise UsageError(
            f"no frauds and legitimate rows judge both {runs['A'].folder} and {runs['B'].folder}: evaluate both models "
            "with the same seed and shares"
        )
    settings = {name: each.metrics.provenance.settings for name, each in runs.items()}
    told = {name: each.model_dump() for name, each in settings.items()}
    return {
        "format": FORMAT,
        "synthetic": b.synthetic,
        "data": b.provenance.data.model_dump(),
        "prevalence": settings["B"].prevalence,
        "legitimate_weight": b.legitimate_weight,
        "bootstrap_draws": settings["B"].bootstrap_draws,
        "runs": {name: _run(each) for name, each in runs.items()},
        "caveats": _caveats(runs),
        "settings": {
            key: {name: each.get(key) for name, each in told.items()}
            for key in told["A"] | told["B"]
            if told["A"].get(key) != told["B"].get(key)
        },
        "protocols": protocols,
        "provenance": artefacts.provenance(told["B"]),
    }


def _run(each: Finished) -> dict[str, Any]:
    return {
        "folder": each.folder.as_posix(),
        "version": each.metrics.protocols["random"].model.version,
        "verdict": each.verdict,
        "sentence": each.sentence,
        "created": each.metrics.provenance.created,
        "revision": each.metrics.provenance.revision,
    }


def _caveats(runs: dict[str, Finished]) -> list[str]:
    """What must be said beside every figure."""
    a, b = (each.metrics.provenance.settings for each in runs.values())
    told = []
    if a.prevalence != b.prevalence:
        told.append(
            f"A was made for {_prevalence(a.prevalence)}, B for {_prevalence(b.prevalence)}: a legitimate row weighs "
            "what it weighs for B, which may put A's probabilities and thresholds at a disadvantage"
        )
    if a.costs != b.costs:
        told.append(OTHER_COSTS)
    for name, each in runs.items():
        if each.verdict != "pass":
            told.append(f"{name} did not pass its gates")
        if each.metrics.recipe.optimistic:
            told.append(f"the recipe of {name} was chosen on these rows: its figures are optimistic")
    return told


def _prevalence(share: float | None) -> str:
    return "the share of fraud in the data" if share is None else f"a prevalence of {share:g}"


def _protocol(name: Name, runs: dict[str, Finished]) -> dict[str, Any]:
    """One protocol; without rows of both classes that judge both runs, it has no figures."""
    judged = {run: each.judged[name].index.to_numpy() for run, each in runs.items()}
    rows = np.intersect1d(judged["A"], judged["B"])
    label = _label(name, runs, rows)
    settings, weight = runs["B"].metrics.provenance.settings, runs["B"].metrics.legitimate_weight
    models = {run: each.metrics.protocols[name].model for run, each in runs.items()}
    record: dict[str, Any] = {
        "rows": len(rows),
        "frauds": int(label.sum()),
        "judged": {run: len(each) for run, each in judged.items()},
        "models": {run: model.model_dump() for run, model in models.items()},
        "caveats": _caveats_of(name, runs, judged, rows),
        "metrics": None,
        "difference": None,
    }
    if len(np.unique(label)) < 2:
        return record
    amount = runs["B"].facts(name, rows)["amount"].to_numpy(np.float64)
    scores = {run: each.answers(name, rows) for run, each in runs.items()}
    found = paired(label, amount, scores, settings.costs, weight, settings.bootstrap_draws, settings.seed)
    return record | {
        "metrics": {run: found.metrics(run) for run in runs},
        "difference": found.difference("B", "A"),
    }


def _label(name: Name, runs: dict[str, Finished], rows: NDArray[np.int64]) -> NDArray[np.int8]:
    a, b = (each.facts(name, rows) for each in runs.values())
    if not a.equals(b):
        raise UsageError(
            f"{runs['A'].folder} and {runs['B'].folder} tell different labels, times or amounts of the same rows: run "
            "`make evaluate` again in both"
        )
    return b["label"].to_numpy(np.int8)


def _caveats_of(
    name: Name, runs: dict[str, Finished], judged: dict[str, NDArray[np.int64]], rows: NDArray[np.int64]
) -> list[str]:
    """What must be said beside the figures of one protocol."""
    a, b = (each.metrics.protocols[name].model for each in runs.values())
    told = [SAME] if a.digest == b.digest else []
    if a.thresholds != b.thresholds:
        told.append(OTHER_THRESHOLDS)
    for run, other in (("A", "B"), ("B", "A")):
        if left_out := len(judged[other]) - len(rows):
            told.append(
                f"{left_out:,} of the {len(judged[other]):,} rows that judged {other} did not judge {run}, whose model "
                "may have seen them: they are left out"
            )
        if not runs[run].trained_on_the_rest(name):
            told.append(
                f"the training rows of {run} can't be told from its artefacts: it may have seen rows that judge here, "
                "and the comparison may flatter it"
            )
    return told
