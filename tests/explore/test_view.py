import pytest

from fraud.explore.view import View


def test_without_a_prevalence_every_row_counts_once(view):
    assert (view.frauds, view.legitimate, view.weight) == (100, 4_900, 1.0)
    assert view.share == 0.02


def test_the_weighted_share_of_fraud_is_the_prevalence(weighted):
    assert weighted.weight > 1
    assert weighted.share == pytest.approx(0.002)
    assert "0.2000%" in weighted.note


def test_of_takes_the_rows_of_one_class(view, transactions):
    assert view.of("V14", fraud=True).tolist() == transactions["V14"][:100].tolist()
    assert len(view.of("V14", fraud=False)) == 4_900


def test_the_order_of_rows_does_not_matter(transactions):
    backwards = View(transactions[::-1])
    assert sorted(backwards.of("V1", fraud=True)) == sorted(transactions["V1"][:100])
