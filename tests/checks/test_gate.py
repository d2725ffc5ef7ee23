import pytest

from checks.gate import Gate, within


@pytest.mark.parametrize(
    ("value", "low", "high", "inside"),
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
def test_within_a_limit(value, low, high, inside):
    assert within(value, low, high) is inside


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"min": 0.7}, "at least 0.7"),
        ({"max": 0}, "at most 0"),
        ({"min": 0.7, "max": 1.4}, "at least 0.7 and at most 1.4"),
    ],
)
def test_a_gate_is_recorded_with_its_limit_in_words(limits, words):
    record = Gate(name="recall", bound=0.7, value=0.8, passed=True, reason="because", **limits).record()
    assert record["limit"] == words
    assert (record["name"], record["value"], record["bound"], record["passed"]) == ("recall", 0.8, 0.7, True)
