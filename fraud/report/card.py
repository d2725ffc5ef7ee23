"""The model card and the datasheet of the data: the report's story, in the forms that outsiders look for.

Sources: Mitchell et al., "Model cards for model reporting", 2019; Gebru et al., "Datasheets for datasets", 2021; their
metadata as Hugging Face specifies it, https://github.com/huggingface/hub-docs: `modelcard.md` and `datasetcard.md`.
"""

from dataclasses import dataclass
from typing import Any

from fraud import schema
from fraud.report import pages, words
from fraud.report.evidence import Evidence
from fraud.report.vocabulary import term

_TASK = "tabular-classification"

# Hugging Face's names of licences: https://huggingface.co/docs/hub/repositories-licenses
_MIT, _ODBL, _UNKNOWN = "mit", "odbl", "unknown"

# Those of our metrics that Hugging Face lists, by the same names: https://hf.co/metrics
_LISTED = ("accuracy", "brier_score", "f1", "precision", "recall", "roc_auc")


@dataclass(frozen=True)
class _Data:
    """What the data of a source are called, and the licences of the data and of a model that was fitted on them."""

    id: str
    name: str
    tag: str
    licence: str
    model_licence: str


_DATA = {
    "published": _Data("creditcardfraud", "Credit Card Fraud Detection", "genuine-data", _ODBL, _MIT),
    "twin": _Data("synthetic-twin", "synthetic twin of card transactions", "synthetic-data", _ODBL, _MIT),
    # Whose they are, and whether they are genuine, only the caller knows.
    "own": _Data("own-file", "a file of the caller's own", "own-data", _UNKNOWN, _UNKNOWN),
}


def model_card(evidence: Evidence, story: dict[str, Any]) -> str:
    """The model card in Markdown, its metadata before it.

    Args:
        story: as `story.story` tells it of the same evidence.
    """
    data = _DATA[evidence.data["source"]]
    metadata = {
        "license": data.model_licence,
        "library_name": "onnx",
        "pipeline_tag": _TASK,
        "tags": _tags(data, story),
        "metrics": list(_LISTED),
        "model-index": [{"name": story["version"], "results": _results(evidence, story, data)}],
    }
    return pages.render_markdown(
        "model_card.md.j2",
        **story,
        metadata=pages.front_matter(metadata),
        digest=evidence.metrics["protocols"]["random"]["model"]["digest"],
        features=len(schema.FEATURES),
        made=evidence.training["provenance"],
    )


def datasheet(evidence: Evidence, story: dict[str, Any]) -> str:
    """The datasheet of the data in Markdown, its metadata before it.

    Args:
        story: as `story.story` tells it of the same evidence.
    """
    source = evidence.data["source"]
    data = _DATA[source]
    metadata = {
        "license": data.licence,
        "pretty_name": data.name,
        "task_categories": [_TASK],
        "tags": _tags(data, story),
    }
    return pages.render_markdown(
        f"datasheet_{source}.md.j2",
        **story,
        metadata=pages.front_matter(metadata),
        name=data.name,
        columns=schema.ALL_COLUMNS,
    )


def _tags(data: _Data, story: dict[str, Any]) -> list[str]:
    return ["fraud-detection", data.tag, "gates-passed" if story["ships"] else "gates-failed"]


def _results(evidence: Evidence, story: dict[str, Any], data: _Data) -> list[dict[str, Any]]:
    """An entry for each protocol; the data's name says which rows judged, and which bundle."""
    return [
        {
            "task": {"type": _TASK, "name": "fraud detection"},
            "dataset": {
                "type": data.id,
                "name": f"{data.name}; {story['protocols'][name]['about']}; judged: {judged['model']['version']}",
                "config": name,
                "split": "test",
                "revision": evidence.data["digest"],
            },
            "metrics": [_result(metric, figure) for metric, figure in judged["model"]["metrics"].items()],
        }
        for name, judged in evidence.metrics["protocols"].items()
    ]


def _result(metric: str, figure: words.Figure) -> dict[str, Any]:
    """A metric as it was measured; its interval, which the specification has no field for, stands in its name."""
    _, low, high = words.rounded(figure)
    return {"type": metric, "value": figure["value"], "name": f"{term(metric).label} (95% interval {low} to {high})"}
