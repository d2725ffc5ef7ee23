"""A comparison in words says what its figures say, and what must be said beside them."""

import re

import pytest

from fraud.report import comparison, words
from fraud.report.vocabulary import term

HOSTILE = "<script>alert('1')</script> | **x**"


def figure(value, width=0.02):
    return {"value": value, "low": value - width, "high": value + width}


@pytest.fixture
def document():
    """A comparison of every outcome: better, worse, within noise, and a metric that is neither."""
    metrics = {"average_precision": 0.8, "log_loss": 0.1, "recall": 0.7, "roc_auc": 0.9, "true_positives": 50.5}
    difference = {
        "average_precision": figure(0.05),
        "log_loss": figure(0.04),
        "recall": figure(0.01),
        "roc_auc": figure(0.03) | {"p": 0.0123},
        "true_positives": figure(3.5),
    }
    model = {"name": "m", "version": "m-1", "digest": "0" * 64, "thresholds": {"review": 0.25, "decline": None}}
    judged = {
        "rows": 1_234,
        "frauds": 56,
        "judged": {"A": 1_300, "B": 1_234},
        "models": {"A": model, "B": {**model, "thresholds": {"review": 0.5, "decline": 0.9}}},
        "caveats": ["what must be said here"],
        "metrics": {run: {name: figure(value) for name, value in metrics.items()} for run in "AB"},
        "difference": difference,
    }
    run = {"folder": "runs/a", "version": "m-1", "verdict": "pass", "sentence": HOSTILE, "created": "2026"}
    return {
        "synthetic": False,
        "data": {"rows": 5_000, "frauds": 150, "digest": "d" * 64, "source": "own"},
        "bootstrap_draws": 1_000,
        "runs": {"A": {**run, "revision": None}, "B": {**run, "revision": "abc"}},
        "caveats": ["what must be said everywhere"],
        "settings": {"seed": {"A": 42, "B": None}},
        "protocols": {"random": judged, "chronological": {**judged, "metrics": None, "difference": None}},
    }


def test_every_figure_stands_in_both_with_its_wording(document):
    text, page = comparison.text(document), comparison.markdown(document)
    expected = {"average_precision": "better", "log_loss": "worse", "recall": "within noise", "true_positives": ""}
    judged = document["protocols"]["random"]
    for name, says in expected.items():
        cells = [term(name).label, *(words.with_interval(judged["metrics"][run][name]) for run in "AB")]
        cells += [words.with_interval(judged["difference"][name], signed=True), says]
        assert f"| {' | '.join(cells)} |" in page
        (line,) = [line for line in text.splitlines() if line.strip().startswith(f"{cells[0]}  ")]
        assert re.split(r"\s{2,}", line.strip()) == [cell for cell in cells if cell]


def test_the_first_lines_say_how_it_came_out_and_what_must_be_said(document):
    page = comparison.markdown(document)
    first = page[: page.index("| Folder |")]
    sentence = "random: average precision of B less that of A is +0.050 (+0.030 to +0.070), better; 1,234 rows, 56 of"
    assert sentence in first
    assert sentence in comparison.text(document)
    for text in (first, comparison.text(document)):
        assert "what must be said everywhere" in text
        assert "chronological: not compared, since no frauds and legitimate rows judge both" in text
    assert page.count("what must be said here") == 2
    assert comparison.text(document).count("what must be said here") == 2


def test_the_page_tells_thresholds_the_test_and_the_settings_that_differ(document):
    page = comparison.markdown(document)
    assert "(A): reviewed at 0.25, nothing is declined." in page
    assert "(B): reviewed at 0.5, declined at 0.9." in page
    assert page.count("DeLong's test of the difference in ROC-AUC gives p = 0.0123.") == 1
    assert "| seed | 42 | None |" in page
    assert "| Revision | unknown | abc |" in page
    document["protocols"]["random"]["models"]["A"]["thresholds"] |= {"by_amount": {}}
    page = comparison.markdown(document)
    assert "(A): reviewed at thresholds by amount, the lowest 0.25, nothing is declined." in page
    assert "## Settings" not in comparison.markdown(document | {"settings": {}})


def test_synthetic_data_are_named(document):
    assert "ynthetic" not in comparison.markdown(document)
    assert "SYNTHETIC" not in comparison.text(document)
    document["synthetic"] = True
    assert "**Synthetic data.**" in comparison.markdown(document)
    assert "SYNTHETIC" in comparison.text(document)


def test_what_comes_from_artefacts_is_text_and_nothing_else(document):
    row = next(line for line in comparison.markdown(document).splitlines() if line.startswith("| In words |"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 4
    assert not re.search(r"(?<!\\)(<|\*\*x)", row)
