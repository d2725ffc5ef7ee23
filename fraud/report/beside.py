"""What the model stands beside, and the paired differences between the two, in words."""

from typing import Any

from fraud.report import words
from fraud.report.vocabulary import term, wording

# What the model stands beside in the same run.
BESIDE = {"logistic": "the tuned logistic regression", "reference": "the blog post's forest"}

# What is told of the difference to the champion: the gate's metric first.
_COMPARED = ("average_precision", "recall", "precision", "log_loss", "roc_auc")


def metric(name: str, protocols: dict[str, Any]) -> dict[str, Any]:
    """A row of the table of metrics."""
    said = term(name)
    return {
        "name": name,
        "label": said.label,
        "meaning": said.meaning,
        "protocols": {
            protocol: {
                "model": words.rounded(judged["model"]["metrics"][name]),
                "beside": {role: _beside(name, judged[role]) for role in BESIDE},
            }
            for protocol, judged in protocols.items()
        },
    }


def money(judged: dict[str, Any]) -> str:
    """The share of what could be saved that the model saves, beside the others' shares, in words."""
    share = "savings_share"
    beside = [
        f"{called} {words.with_interval(judged[role]['metrics'][share])}, a difference of "
        f"{words.with_interval(judged[role]['difference'][share], signed=True)}: "
        f"{wording(share, judged[role]['difference'][share])}"
        for role, called in BESIDE.items()
    ]
    saved = words.with_interval(judged["model"]["metrics"][share])
    said = f"of what could be saved on these rows, {judged['model']['name']} saves a share of {saved}"
    return "; ".join([said, *beside])


def champion(judged: dict[str, Any] | None) -> str:
    """The comparison with the model that shipped last, in words."""
    if judged is None:
        return "no champion given, so nothing says whether this model is worse than the one that shipped last"
    difference = judged["difference"]
    told = [
        f"{term(name).label} {words.with_interval(difference[name], signed=True)}, {wording(name, difference[name])}"
        for name in _COMPARED
    ]
    test = f"DeLong's test of the ROC-AUC gives p = {words.number(difference['roc_auc']['p'])}"
    return "; ".join([f"less the champion {judged['version']}: {told[0]}", *told[1:], test, *judged["caveats"]])


def since_champion(protocols: dict[str, Any]) -> dict[str, Any]:
    """The differences to the champion: a row for each metric, of each of the `protocols` that have one."""
    champions = {name: judged["champion"] for name, judged in protocols.items() if judged["champion"] is not None}
    return {
        "protocols": list(champions),
        "rows": [
            {
                "name": name,
                "label": term(name).label,
                "protocols": {protocol: _difference(name, champion) for protocol, champion in champions.items()},
            }
            for name in protocols["random"]["model"]["metrics"]
        ],
    }


def _beside(metric: str, judged: dict[str, Any]) -> dict[str, Any]:
    """A metric of what the model stands beside, and the model's difference from it."""
    return {"value": words.rounded(judged["metrics"][metric]), **_difference(metric, judged)}


def _difference(metric: str, judged: dict[str, Any]) -> dict[str, Any]:
    found = judged["difference"][metric]
    return {"difference": words.rounded(found, signed=True), "wording": wording(metric, found)}
