import pytest

from checks.gate import Gate, told


@pytest.mark.parametrize(
    ("value", "low", "high", "passed"),
    [
        (0.5, 0.4, 0.6, True),
        (0.4, 0.4, None, True),
        (0.6, None, 0.6, True),
        (0.39, 0.4, None, False),
        (0.61, None, 0.6, False),
        (0.5, None, None, True),
        (float("nan"), None, None, False),
        (float("nan"), 0.0, 1.0, False),
    ],
)
def test_a_gate_passes_within_its_limits(value, low, high, passed):
    assert Gate(name="recall", value=value, reason="because", min=low, max=high).passed is passed


@pytest.mark.parametrize(("judged", "passed"), [("value", True), ("low", False), ("high", True)])
def test_a_gate_judges_the_figure_that_it_names(judged, passed):
    gate = Gate(name="recall", value=0.8, reason="because", low=0.7, high=0.9, min=0.75, judged=judged)
    assert (gate.bound, gate.passed) == ({"value": 0.8, "low": 0.7, "high": 0.9}[judged], passed)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"min": 0.7}, "at least 0.7"),
        ({"max": 0.9}, "at most 0.9"),
        ({"min": 0.7, "max": 1.4}, "at least 0.7 and at most 1.4"),
    ],
)
def test_a_gate_is_recorded_with_its_verdict_and_its_limit_in_words(limits, words):
    record = Gate(name="recall", value=0.8, reason="because", **limits).record()
    assert record["limit"] == words
    assert (record["name"], record["value"], record["bound"], record["passed"]) == ("recall", 0.8, 0.8, True)


def test_what_is_told_of_a_gate_names_figure_interval_limit_and_reason():
    gate = Gate("recall", 0.8, "because", low=0.7, high=0.9, min=0.75, judged="low", detail="of a detail")
    assert told(gate.record()).splitlines() == [
        "measured 0.8, 95% interval 0.7 to 0.9",
        "wanted at least 0.75",
        "of a detail",
        "because",
    ]
    assert told(Gate("frauds", 12, "because", min=20).record()) == "measured 12\nwanted at least 20\nbecause"
