import html
import json
import re

import numpy as np
import pytest

from fraud.learn import figures
from fraud.report import experiments, words


def figure(value, width=0.02):
    return {"value": value, "low": value - width, "high": value + width}


def row(name, value, difference=None):
    metrics = {"average_precision": figure(value), "roc_auc": figure(0.97, 0.01), "recall_at_fpr_0.01": figure(0.9)}
    metrics |= {"log_loss": figure(0.004, 0.001), "brier_score": figure(0.0005, 0.0001)}
    return {
        "name": name,
        "description": f"what {name} is",
        "served": name != "forest",
        "metrics": metrics,
        "difference": {} if difference is None else {"average_precision": difference},
        "fit_seconds": 1.25,
        "answer_microseconds": 3.21,
        "bytes": None if name == "forest" else 20_480,
    }


def drawn(advantage):
    """The curves and ranks of three candidates, the second's scores being noise."""
    rng = np.random.default_rng(1)
    label = (np.arange(400) < 80).astype(np.int8)
    scores = {"logistic": 0.3 * label + 0.7 * rng.random(400), "forest": rng.random(400)}
    by_fold = {"logistic": [0.9, 0.8, 0.9], "forest": [0.5, 0.6, 0.4], "selected": [0.8, 0.9, 0.8]}
    return {
        "recipe": {"name": "logistic", "advantage": {"forest": {"average_precision": advantage}}},
        "precision_recall": figures.precision_recall(scores, label, 2.0, 40, 1),
        "cost_curve": figures.cost_curve(scores, label, 2.0, 40, 1),
        "critical_differences": figures.critical_differences(by_fold),
    }


@pytest.fixture
def study():
    table = [row("selected", 0.85), row("forest", 0.78, figure(-0.07)), row("logistic", 0.86, figure(0.01))]
    hard = {
        "row": 3,
        "time": 90_000.0,
        "amount": 1.0,
        "legitimate_above": {"best": 0.25, "selected": 0.5},
        "frauds_among_ten_nearest": 0,
    }
    return {
        "rows": 38_002,
        "frauds": 319,
        "prevalence": 0.001727,
        "synthetic": False,
        "recipe": {"chosen_on": {"rows": 38_002, "frauds": 319, "digest": "0" * 64}, "optimistic": False},
        "cut": [],
        "plan": {"inner": {"folds": 3, "blocks": 2, "rungs": 1}},
        "random": {
            "table": table,
            **drawn(figure(0.08)),
            "hardest": [hard],
            "hindsight": {"average_precision": 0.871, "weights": {"lightgbm": 0.75, "logistic": 0.25}},
        },
        "chronological": {
            "table": [row("selected", 0.8), row("forest", 0.7, figure(-0.1))],
            **drawn(figure(0.01)),
        },
        "imbalance": {"table": [row("imbalance-nothing", 0.84), row("imbalance-<smote>", 0.83, figure(-0.01))]},
        "imbalance_later": {"table": [row("imbalance-nothing", 0.8), row("imbalance-<smote>", 0.7, figure(-0.1))]},
        "features": {"table": [row("lightgbm", 0.84), row("features-hour", 0.84, figure(0.0))]},
        "features_later": {"table": [row("lightgbm", 0.8), row("features-hour", 0.81, figure(0.01))]},
        "learning_curve": [{"frauds": 50, **figure(0.7)}, {"frauds": 250, **figure(0.85)}],
        "provenance": {"revision": "abc", "created": "2026-01-01", "settings": {"seed": 42}},
    }


def test_the_page_shows_every_part_and_escapes_names(study):
    page = experiments.page(study)
    for told in (
        "38,002 rows, 319 of them frauds",
        "0.850 (0.830 to 0.870)",
        "forest (not served)",
        "-0.070 (-0.090 to -0.050) worse",
        "+0.010 (-0.010 to +0.030) within noise",
        "Worse beyond noise: forest. Better beyond noise: none.",
        "0.700 (0.680 to 0.720) with 50 frauds",
        "0.871",
        "lightgbm 0.75, logistic 0.25",
        "imbalance-&lt;smote&gt;",
        "The recipe, logistic, differs in average precision by +0.080 (+0.060 to +0.100) to forest, better.",
        "by +0.010 (-0.010 to +0.030) to forest, within noise.",
        "20 KiB",
        "near-repeats of a transaction may",
        "25%",
    ):
        assert told in page
    assert page.index(">logistic <") < page.index(">selected <") < page.index(">forest (")
    assert "http" not in page.replace("http://www.w3.org", "")
    assert "Synthetic data" not in page


def test_what_the_budget_cut_off_is_named_and_the_rest_stands(study):
    cut = json.loads(json.dumps(study)) | {"cut": ["features", "learning_curve"], "features": None}
    page = experiments.page(cut | {"learning_curve": None, "synthetic": True})
    assert "The budget ended before:</strong> features, learning_curve" in page
    assert "What further columns add" not in page
    assert "Synthetic data" in page
    assert "What to do about imbalance" in page


def test_the_same_study_gives_the_same_page(study):
    assert experiments.page(study) == experiments.page(study)


def test_every_figure_says_what_it_shows(study):
    page = html.unescape(experiments.page(study))
    curves = study["random"]["precision_recall"]
    at = {name: curve["value"][curve["recall"].index(0.8)] for name, curve in curves.items()}
    assert f"logistic {at['logistic']:.2f}, forest {at['forest']:.2f}" in page
    assert page.count("Cost left of that of no model") == 2
    assert "logistic has the best mean rank, 1.3; the critical difference is 1.9." in page
    # Four of each protocol, one of each comparison, the learning curve.
    assert page.count("<img ") == 4 + 4 + 2 + 2 + 1


def test_what_no_other_table_holds_is_told_beside_its_chart(study):
    page = experiments.page(study)
    for title in ("Precision over recall", "Cost left", "Mean ranks"):
        assert page.count(f"<summary>{title} in figures</summary>") == 2
    curve = study["random"]["cost_curve"]["forest"]
    for value, low, high in zip(curve["value"], curve["low"], curve["high"], strict=True):
        told = words.rounded({"value": value, "low": low, "high": high})
        assert '<td class="figure">{} <small>({} to {})</small></td>'.format(*told) in page
    assert '<tr><th scope="row">50</th><td class="figure">0.700 <small>(0.680 to 0.720)</small></td></tr>' in page


def test_what_was_chosen_on_these_rows_is_told_to_be_flattered(study):
    def told():
        return " ".join(re.sub("<[^>]*>", "", experiments.page(study)).split())

    on = "It was chosen on 38,002 rows with 319 frauds (digest 000000000000)."
    assert told().count(f"{on} Whether this file holds some of those is not known") == 2
    study["recipe"]["optimistic"] = True
    honest = "What the selection is worth, “selected” tells."
    assert told().count(f"{on} Recipe chosen on these rows: optimistic. {honest}") == 2
    study["recipe"]["optimistic"], study["synthetic"] = False, True
    assert told().count(on) == 2
    assert honest not in told()
