"""The columns with their tails drawn in."""

import numpy as np

from fraud import schema
from fraud.learn.compressed import Compressed

TIME = schema.FEATURES.index(schema.TIME.name)
X = np.random.default_rng(4).standard_t(2, size=(300, len(schema.FEATURES))).astype(np.float32)


def test_a_median_becomes_zero_and_far_values_keep_their_order():
    made = Compressed().fit(X).transform(X)
    assert np.abs(np.median(made, axis=0)).max() < 0.01
    for column, raw in zip(made.T, np.delete(X, TIME, axis=1).T, strict=True):
        assert (np.diff(column[np.argsort(raw)]) >= 0).all()
    assert np.abs(made).max() < np.log(2 * np.abs(X).max()) + 1


def test_time_is_left_out():
    scale = Compressed().fit(X)
    later = X.copy()
    later[:, TIME] += 1_000
    assert np.array_equal(scale.transform(X), scale.transform(later))
    assert scale.transform(X).shape == (300, len(schema.FEATURES) - 1)


def test_a_column_of_one_value_and_the_largest_value_stay_finite():
    flat = X.copy()
    flat[:, 3] = 7.0
    scale = Compressed().fit(flat)
    assert (scale.transform(flat)[:, 2] == 0).all()
    assert np.isfinite(scale.transform(np.full_like(X, 1e30))).all()
