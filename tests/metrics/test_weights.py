import pytest

from fraud.metrics.weights import legitimate_weight


def test_without_a_prevalence_a_row_weighs_one():
    assert legitimate_weight(37_683, 319, None) == 1.0


@pytest.mark.parametrize("prevalence", [0.001727, 0.5, 0.9])
def test_the_weighted_share_of_fraud_is_the_prevalence(prevalence):
    weight = legitimate_weight(37_683, 319, prevalence)
    assert 319 / (319 + weight * 37_683) == pytest.approx(prevalence, rel=1e-12)


@pytest.mark.parametrize("counts", [(0, 319), (37_683, 0)])
def test_an_empty_class_has_no_weight(counts):
    with pytest.raises(ValueError, match="no weight"):
        legitimate_weight(*counts, 0.01)


@pytest.mark.parametrize("prevalence", [0.0, 1.0])
def test_a_share_of_none_or_all_is_refused(prevalence):
    with pytest.raises(ValueError, match="no weight"):
        legitimate_weight(10, 10, prevalence)
