"""The charts of the model's quality: their tables hold what they draw."""

import json

import numpy as np
import pandas as pd
import pytest

from fraud import bundle
from fraud.report import evidence, words
from fraud.report.canvas import Chart
from fraud.report.charts import charts

ROLES = ("model", "logistic", "reference")


@pytest.fixture(scope="module")
def drawn(explored_run) -> dict[str, dict[str, Chart]]:
    found = charts(evidence.read(explored_run.build))
    return {
        protocol: {chart.id.removesuffix(f"-{protocol}"): chart for chart in each} for protocol, each in found.items()
    }


@pytest.fixture(scope="module")
def protocols(explored_run):
    return json.loads((explored_run.build / "metrics.json").read_text())["protocols"]


@pytest.mark.parametrize("protocol", bundle.FOLDERS)
@pytest.mark.parametrize(
    ("name", "curve", "along"),
    [("precision-recall", "precision_recall", "recall"), ("roc", "roc", "false_positive_rate")],
)
def test_a_curve_is_told_with_its_intervals(drawn, protocols, protocol, name, curve, along):
    table, judged = drawn[protocol][name].table, protocols[protocol]
    assert table.columns[1:] == tuple(judged[role]["name"] for role in ROLES)
    for place, row in enumerate(table.rows):
        bands = [judged[role]["bands"][curve] for role in ROLES]
        assert row[0] == words.percent(bands[0][along][place])
        assert row[1:] == tuple(
            words.rounded({key: band[key][place] for key in ("value", "low", "high")}) for band in bands
        )
    assert len(table.rows) == len(judged["model"]["bands"][curve][along])


@pytest.mark.parametrize("protocol", bundle.FOLDERS)
def test_every_bin_of_the_reliability_is_told(drawn, protocols, protocol):
    expected = []
    for role in ROLES:
        bins = protocols[protocol][role]["curves"]["reliability"]
        for place in range(len(bins["predicted"])):
            shares = [words.percent(bins[key][place]) for key in ("predicted", "observed")]
            counts = [words.number(bins[key][place]) for key in ("frauds", "legitimate")]
            expected.append((protocols[protocol][role]["name"], *shares, *counts))
    assert drawn[protocol]["reliability"].table.rows == tuple(expected)


@pytest.mark.parametrize("protocol", bundle.FOLDERS)
def test_the_shares_of_the_scores_are_those_of_the_rows(drawn, explored_run, protocol):
    rows = pd.read_parquet(explored_run.build / "scores.parquet").query("protocol == @protocol")
    table = drawn[protocol]["scores"].table
    assert table.columns == ("Probability", "Legitimate", "Fraud")
    bins = [row[0] for row in table.rows]
    assert bins[0].removeprefix("below ") == bins[1].split(" to ")[0]
    assert bins[-1].removesuffix(" and above") == bins[-2].split(" to ")[1]
    edges = [0.0, *(float(text.split(" to ")[0].rstrip("%")) / 100 for text in bins[1:-1])]
    edges += [float(bins[-1].removesuffix("% and above")) / 100, 1.0]
    assert (np.diff(edges) > 0).all()
    for label, column in ((0, 1), (1, 2)):
        shares = [float(row[column].rstrip("%")) / 100 for row in table.rows]
        assert sum(shares) == pytest.approx(1, abs=0.005)
        probability = rows.loc[rows["label"] == label, "probability"]
        # The edges are rounded, so that a row beside one may seem to lie in the bin before.
        expected = np.histogram(probability, edges)[0] / len(probability)
        assert np.abs(np.cumsum(shares) - np.cumsum(expected)).max() < 0.01
