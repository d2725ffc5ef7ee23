import numpy as np
import pytest

from fraud.learn.threshold import highest_recall


def case(seed):
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(2, 120))
    label = (rng.random(rows) < 0.3).astype(np.int8)
    label[:2] = 0, 1
    levels = int(rng.integers(2, 40))
    probability = (rng.integers(levels, size=rows) + label * rng.integers(0, 3)) / (levels + 3)
    return probability, label, float(rng.choice([1.0, 0.3, 4.0])), float(rng.uniform(0.05, 0.99))


def at(threshold, probability, label, weight):
    flagged = probability >= threshold
    found, alarms = (flagged & (label == 1)).sum(), weight * (flagged & (label == 0)).sum()
    return found / (found + alarms) if flagged.any() else 0.0, found / label.sum()


@pytest.mark.parametrize("seed", range(150))
def test_no_threshold_does_better_by_brute_force(seed):
    probability, label, weight, target = case(seed)
    chosen = highest_recall(probability, label, weight, target)
    precision, recall = at(chosen.threshold, probability, label, weight)
    assert (chosen.precision, chosen.recall) == pytest.approx((precision, recall))
    every = [at(score, probability, label, weight) for score in np.unique(probability)]
    reaching = [r for p, r in every if p >= target]
    assert chosen.reached == bool(reaching)
    if reaching:
        assert precision >= target
        assert recall == pytest.approx(max(reaching))
    else:
        assert precision == pytest.approx(max(p for p, _ in every))


@pytest.mark.parametrize("seed", range(50))
def test_it_lies_midway_between_two_neighbouring_distinct_scores(seed):
    probability, label, weight, target = case(seed)
    threshold = highest_recall(probability, label, weight, target).threshold
    above, below = probability[probability >= threshold], probability[probability < threshold]
    assert threshold == pytest.approx((above.min() + below.max(initial=0)) / 2)
    assert threshold not in probability or threshold == 0


@pytest.mark.parametrize("exponent", range(-60, 0, 7))
def test_between_neighbouring_floats_the_lower_one_is_not_flagged(exponent):
    for start in np.random.default_rng(1).uniform(1, 2, 50) * 2.0**exponent:
        pair = np.array([np.nextafter(start, 4), start])
        threshold = highest_recall(pair, np.array([1, 0], dtype=np.int8), 1.0, 0.9).threshold
        assert (pair >= threshold).tolist() == [True, False]


def test_a_higher_target_never_has_a_lower_threshold():
    probability, label, weight, _ = case(3)
    thresholds = [highest_recall(probability, label, weight, target).threshold for target in np.linspace(0.1, 0.9, 30)]
    reached = [highest_recall(probability, label, weight, target).reached for target in np.linspace(0.1, 0.9, 30)]
    assert sum(reached) > 5
    assert (np.diff(np.array(thresholds)[reached]) >= 0).all()
