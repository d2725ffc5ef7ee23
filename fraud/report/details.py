"""Where the model stands and fails, what it goes by, and what moved since training: tables in words."""

from collections.abc import Mapping
from typing import Any

from fraud import schema
from fraud.costs import CostModel
from fraud.metrics.slices import METRICS
from fraud.report import words
from fraud.report.vocabulary import term

_ALONG = {
    "amount": "By amount in euros",
    "hour": "By hour of the file's day, which begins with its first row",
    "period": "By half of the period that is judged, in seconds after the file's first row",
}

# Where a population stability index begins to say "some" and "much" (Siddiqi, "Credit risk scorecards", 2006).
_SOME, _MUCH = 0.1, 0.25

# Features that a table or a chart names; the others are in `metrics.json`.
MOST = 10


def details(model: dict[str, Any]) -> dict[str, Any]:
    """The tables of one protocol.

    Args:
        model: the role "model" in `metrics.json`.
    """
    return {
        "slices": [_slices(name, bands) for name, bands in model["slices"].items()],
        "slice_metrics": {name: term(name).label for name in METRICS},
        "hardest": {name: [_case(case) for case in cases] for name, cases in model["hardest"].items()},
        "importance": _importance(model["importance"]),
        "drift": _drift(model["drift"]),
        "sensitivity": [
            {
                "key": name,
                "assumption": CostModel.model_fields[name].description,
                **{
                    change: {
                        "assumed": words.number(found["assumed"]),
                        "share": words.rounded(found["savings_share"]),
                    }
                    for change, found in changes.items()
                },
            }
            for name, changes in model["sensitivity"].items()
        ],
    }


def _slices(name: str, bands: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "key": name,
        "title": _ALONG[name],
        "bands": [
            {
                "band": _band(band["from"], band["to"]),
                "rows": band["rows"],
                "frauds": band["frauds"],
                "few": band["few"],
                "figures": {key: None if band[key] is None else words.rounded(band[key]) for key in METRICS},
            }
            for band in bands
        ],
    }


def _band(low: float | None, high: float | None) -> str:
    if low is None:
        return "all" if high is None else f"below {words.number(high)}"
    return f"{words.number(low)} and above" if high is None else f"{words.number(low)} to {words.number(high)}"


def _case(case: dict[str, Any]) -> dict[str, Any]:
    return {
        "row": f"{case['row']:,}",
        "amount": words.number(case["amount"]),
        "probability": words.number(case["probability"]),
        "threshold": words.number(case["threshold"]),
        "decision": case["decision"],
        "reasons": [
            f"{reason['feature']} = {words.number(reason['value'])} ({reason['contribution']:+.3g})"
            for reason in case["reasons"]
        ],
    }


def _importance(found: dict[str, Any]) -> dict[str, Any]:
    ranked = sorted(found["features"].items(), key=lambda item: -item[1]["average_precision"]["value"])
    return {
        "permuted": found["permuted"],
        "repeats": found["repeats"],
        "features": [
            {
                "feature": name,
                "meaning": schema.COLUMNS_BY_NAME[name].meaning,
                "lost": words.rounded(figures["average_precision"], signed=True),
                "contribution": words.number(figures["contribution"]),
            }
            for name, figures in ranked[:MOST]
        ],
        "left_out": max(len(ranked) - MOST, 0),
    }


def _drift(found: dict[str, Any]) -> dict[str, Any]:
    ranked = sorted(found["features"].items(), key=lambda item: -item[1]["population_stability_index"])
    return {
        "score": _moved("the score", found["score"]),
        "features": [_moved(name, figures) for name, figures in ranked[:MOST]],
        "left_out": max(len(ranked) - MOST, 0),
    }


def _moved(name: str, figures: Mapping[str, float]) -> dict[str, str]:
    index = figures["population_stability_index"]
    says = "hardly" if index < _SOME else "some" if index < _MUCH else "much"
    return {
        "name": name,
        "index": words.number(index),
        "distance": words.number(figures["kolmogorov_smirnov"]),
        "says": says,
    }
