import numpy as np

from fraud import schema
from fraud.explore.counts import class_counts, missing_values
from fraud.explore.view import View


def test_the_counts_are_those_of_the_file(view):
    chart = class_counts(view)
    assert chart.title == "One row in 50 is a fraud: 100 against 4,900 legitimate rows"
    assert (chart.numbers["legitimate"], chart.numbers["fraud"], chart.numbers["share_in_file"]) == (4_900, 100, 0.02)
    assert "right 98.00% of the time" in chart.finding


def test_with_a_prevalence_both_shares_are_told(weighted):
    chart = class_counts(weighted)
    assert chart.title.endswith("in production, one in 500")
    assert chart.numbers["share_in_file"] == 0.02
    assert "right 99.80% of the time" in chart.finding


def test_the_scale_is_logarithmic(view):
    assert class_counts(view).figure.axes[0].get_xscale() == "log"


def test_missing_values_are_counted_by_column(transactions):
    holed = transactions.copy()
    holed.loc[:49, "V3"] = np.nan
    holed.loc[7, "Amount"] = np.nan
    chart = missing_values(View(holed))
    assert chart.title == "51 values are missing, most of them in V3: 1.00% of its rows"
    assert {name: count for name, count in chart.numbers["missing"].items() if count} == {"V3": 50, "Amount": 1}


def test_nothing_missing_is_told_and_drawn(view):
    chart = missing_values(view)
    assert chart.title == "No value is missing in any of the 31 columns"
    assert list(chart.numbers["missing"]) == list(schema.COLUMNS)
    assert [bar.get_height() for bar in chart.figure.axes[0].patches[:31]] == [100] * 31
