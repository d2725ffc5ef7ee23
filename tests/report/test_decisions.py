"""The explorer's words and lines, of operating points that are known."""

import pytest

from fraud.report.decisions import decisions

POINTS = {
    "threshold": [0.9, 0.5, 0.1],
    "true_positives": [1, 3, 4],
    "false_negatives": [3, 1, 0],
    "false_positives": [0.0, 1.0, 96.0],
    "true_negatives": [96.0, 95.0, 0.0],
    "false_positive_rows": [0, 1, 96],
    "true_negative_rows": [96, 95, 0],
    "precision": [1.0, 0.75, 0.04],
    "recall": [0.25, 0.75, 1.0],
    "alerts_per_10000": [100.0, 400.0, 10_000.0],
    "savings": [100.0, 310.5, -40.0],
    "savings_share": [0.25, 0.77625, -0.1],
}
CHOSEN = {name: values[1] for name, values in POINTS.items() if name != "threshold"}


def judged(**thresholds):
    return {
        "model": {
            "thresholds": {"review": 0.42, "decline": 0.95, **thresholds},
            "operating_points": {"points": POINTS, "chosen": CHOSEN},
        }
    }


def rows(explored):
    return {row["key"]: (row["kind"], row["chosen"]) for row in explored["rows"]}


def test_the_chosen_rule_is_told_beside_what_is_tried():
    explored = decisions(judged(), None)
    assert rows(explored) == {
        "threshold": ("share", "0.42"),
        "true_positives": ("number", "3"),
        "false_negatives": ("number", "1"),
        "false_positives": ("number", "1"),
        "true_negatives": ("number", "95"),
        "precision": ("percent", "75%"),
        "recall": ("percent", "75%"),
        "alerts_per_10000": ("number", "400"),
        "savings": ("number", "310.5"),
        "savings_share": ("percent", "77.6%"),
    }
    assert (explored["start"], explored["by_amount"], explored["capacity"]) == (1, False, "alerts_per_10000")
    # What it shows has a column in the table, and nothing else is sent.
    assert explored["points"].keys() == rows(explored).keys()
    assert explored["points"]["precision"] == [1.0, 0.75, 0.04]


def test_with_the_volume_of_a_day_alerts_are_those_of_a_day():
    explored = decisions(judged(), 50_000)
    assert rows(explored)["alerts_a_day"] == ("number", "2,000")
    assert "alerts_per_10000" not in rows(explored)
    assert explored["points"]["alerts_a_day"] == pytest.approx([500, 2_000, 50_000])
    assert explored["capacity"] == "alerts_a_day"


def test_a_rule_by_amount_has_no_threshold_to_tell():
    explored = decisions(judged(by_amount={"costs": {}, "alert_price": 0.0}), None)
    assert explored["by_amount"]
    assert rows(explored)["threshold"] == ("share", "each amount's own")


def test_lines_are_drawn_from_the_top_for_all_to_the_bottom_for_none_or_less():
    explored = decisions(judged(), None)
    assert explored["lines"] == {
        "precision": "0.0,0.0 500.0,75.0 1000.0,288.0",
        "recall": "0.0,225.0 500.0,75.0 1000.0,0.0",
        "savings_share": "0.0,225.0 500.0,67.1 1000.0,300.0",
    }
    assert explored["finding"] == (
        "As the threshold falls, from left to right: at 0.9: precision 100%, recall 25%, share of what could be saved "
        "25%; near the chosen rule, at 0.5: precision 75%, recall 75%, share of what could be saved 77.6%; at 0.1: "
        "precision 4%, recall 100%, share of what could be saved -10%."
    )
