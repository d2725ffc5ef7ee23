"""The tables of slices, hard cases, importance, drift and assumptions, each figure as the evaluation found it."""

import json

import pytest

from fraud.report import words
from fraud.report.details import details


@pytest.fixture(scope="module")
def model(explored_run):
    metrics = json.loads((explored_run.build / "metrics.json").read_text())
    return metrics["protocols"]["random"]["model"]


def test_bands_cover_everything_and_say_where_frauds_are_few(model):
    amount, hour, period = details(model)["slices"]
    assert [band["band"] for band in amount["bands"]] == [
        "below 10",
        "10 to 50",
        "50 to 100",
        "100 to 500",
        "500 and above",
    ]
    assert [band["band"] for band in hour["bands"]] == ["below 6", "6 to 12", "12 to 18", "18 and above"]
    assert len(period["bands"]) == 2
    for told in (amount, hour, period):
        assert sum(band["rows"] for band in told["bands"]) == sum(each["rows"] for each in model["slices"]["amount"])
        assert [band["few"] for band in told["bands"]] == [band["frauds"] < 10 for band in told["bands"]]


def test_a_metric_that_a_band_does_not_have_is_none(model):
    band = model["slices"]["amount"][0]
    lacking = {**model, "slices": {"amount": [{**band, "precision": None, "from": None, "to": None}]}}
    [told] = details(lacking)["slices"]
    assert told["bands"][0]["band"] == "all"
    assert told["bands"][0]["figures"]["precision"] is None
    assert told["bands"][0]["figures"]["recall"] == words.rounded(band["recall"])


def test_a_hard_case_has_its_reasons(model):
    case = {
        "row": 13_068,
        "time": 5.0,
        "amount": 3_400.75,
        "probability": 0.0105,
        "threshold": 0.28,
        "decision": "approve",
        "reasons": [
            {"feature": "V14", "value": -0.98, "contribution": 1.206},
            {"feature": "V4", "value": 2, "contribution": -0.000412},
        ],
    }
    told = details({**model, "hardest": {"missed_frauds": [case], "false_alarms": []}})["hardest"]
    assert told["false_alarms"] == []
    assert told["missed_frauds"] == [
        {
            "row": "13,068",
            "amount": "3,401",
            "probability": "0.0105",
            "threshold": "0.28",
            "decision": "approve",
            "reasons": ["V14 = -0.98 (+1.21)", "V4 = 2 (-0.000412)"],
        }
    ]


@pytest.mark.parametrize(("index", "says"), [(0.0999, "hardly"), (0.1, "some"), (0.2499, "some"), (0.25, "much")])
def test_a_shift_is_called_what_the_field_calls_it(model, index, says):
    moved = {"population_stability_index": index, "kolmogorov_smirnov": 0.5}
    drift = {"rows": {}, "score": moved, "features": {"V1": moved}}
    assert details({**model, "drift": drift})["drift"]["score"]["says"] == says


def test_features_come_in_the_order_of_what_they_tell(model):
    told = details(model)
    lost = [float(feature["lost"][0]) for feature in told["importance"]["features"]]
    assert lost == sorted(lost, reverse=True)
    assert len(lost) + told["importance"]["left_out"] == 30
    shifts = [float(moved["index"]) for moved in told["drift"]["features"]]
    assert shifts == sorted(shifts, reverse=True)


def test_each_assumption_is_told_in_its_own_words(model):
    told = {row["key"]: row for row in details(model)["sensitivity"]}
    assert told.keys() == model["sensitivity"].keys()
    assert told["fraud_fee"]["assumption"] == "euros that a fraud let through costs beside its amount"
    halved = model["sensitivity"]["fraud_fee"]["halved"]
    assert told["fraud_fee"]["halved"] == {
        "assumed": words.number(halved["assumed"]),
        "share": words.rounded(halved["savings_share"]),
    }
