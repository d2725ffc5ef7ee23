import numpy as np
import pytest

from fraud.metrics.classification import judge
from fraud.metrics.intervals import values
from fraud.metrics.sampled import standing_for


def test_a_row_that_stands_for_three_is_three_rows():
    rng = np.random.default_rng(3)
    label = (rng.random(200) < 0.2).astype(np.int8)
    probability = np.round(rng.random(200), 1)
    prediction = (probability > 0.6).astype(np.int8)
    times = np.where(label == 0, rng.integers(1, 4, 200), 1)
    legitimate, frauds = judge(label, probability, prediction)
    found = values((standing_for(legitimate, times[label == 0]), frauds), 0.7)
    repeated = (np.repeat(each, times) for each in (label, probability, prediction))
    assert found == pytest.approx(values(judge(*repeated), 0.7))
