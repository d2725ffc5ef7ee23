"""Each kind of column by a plain loop over rows, and that what looks back sees nothing else."""

import numpy as np
import pytest

from fraud import schema
from fraud.learn.engineered import Engineered

TIME, AMOUNT = (schema.FEATURES.index(column.name) for column in (schema.TIME, schema.AMOUNT))
FIRST = schema.FEATURES.index(schema.COMPONENTS[0].name)
WIDTH = len(schema.FEATURES)


@pytest.fixture
def rows():
    """200 rows of few seconds and few amounts, so that both repeat; 20 are frauds, apart in four components."""
    rng = np.random.default_rng(8)
    X = rng.normal(size=(200, WIDTH)).astype(np.float32)
    X[:, TIME] = rng.integers(0, 9_000, 200) // 30 * 30
    X[:, AMOUNT] = rng.choice([1.0, 2.5, 9.99, 100.0], 200)
    y = (np.arange(200) < 20).astype(np.int8)
    X[:20, FIRST : FIRST + 4] += 5
    return X, y


def added(kind, rows, given=None):
    X, y = rows
    return Engineered([kind]).fit(X, y).transform(X if given is None else given)[:, WIDTH:]


def test_what_it_is_given_stays_but_for_the_time_of_day(rows):
    X, y = rows
    X[:, TIME] += 2 * schema.SECONDS_PER_DAY
    made = Engineered(["hour", "amount"]).fit(X, y).transform(X)
    assert np.array_equal(np.delete(made[:, :WIDTH], TIME, axis=1), np.delete(X, TIME, axis=1))
    assert (made[:, TIME] == X[:, TIME] % schema.SECONDS_PER_DAY).all()
    assert made.dtype == np.float32


def test_amounts(rows):
    X, _ = rows
    for row, (log, is_round, repeated) in zip(X, added("amount", rows), strict=True):
        assert log == pytest.approx(np.log1p(row[AMOUNT]))
        assert is_round == (row[AMOUNT] in (1, 100))
        assert repeated == (X[:, AMOUNT] == row[AMOUNT]).sum()
    unknown = X[:1].copy()
    unknown[0, AMOUNT] = 77
    assert added("amount", rows, unknown)[0, 2] == 0


def test_the_hour_is_a_circle(rows):
    X, _ = rows
    late, early = X[:1].copy(), X[:1].copy()
    late[0, TIME], early[0, TIME] = schema.SECONDS_PER_DAY - 30, 30
    points = added("hour", rows, np.concatenate([late, early]))
    assert np.linalg.norm(points, axis=1) == pytest.approx(1)
    assert np.linalg.norm(points[0] - points[1]) < 0.01


def test_interactions_are_products_of_the_components_that_tell_the_classes_apart(rows):
    X, y = rows
    model = Engineered(["interactions"]).fit(X, y)
    assert set(range(FIRST, FIRST + 4)) < set(model.strong_)
    first, second = model.strong_[:2]
    assert added("interactions", rows)[:, 0] == pytest.approx(X[:, first] * X[:, second])


def test_the_distance_of_a_known_fraud_is_to_another_one(rows):
    X, y = rows
    scaled = (X[:, FIRST : FIRST + 28] - X[:, FIRST : FIRST + 28].mean(0)) / X[:, FIRST : FIRST + 28].std(0)
    for k, (nearest, mean) in enumerate(added("distance", rows)):
        apart = np.sort([np.linalg.norm(scaled[k] - scaled[j]) for j in np.flatnonzero(y) if j != k])
        assert nearest == pytest.approx(apart[0], rel=1e-4)
        assert mean == pytest.approx(apart[:3].mean(), rel=1e-4)


def test_velocity_counts_what_came_strictly_before(rows):
    X, _ = rows
    time, amount = X[:, TIME].astype(float), X[:, AMOUNT].astype(float)
    for k, made in enumerate(added("velocity", rows)):
        expected = []
        for window in (60, 600, 3_600):
            before = (time < time[k]) & (time >= time[k] - window)
            expected += [before.sum(), amount[before].sum()]
        alike = (time < time[k]) & (time >= time[k] - 3_600) & (amount == amount[k])
        assert made == pytest.approx([*expected, alike.sum()], rel=1e-4)


def test_velocity_of_a_row_that_is_no_training_row(rows):
    X, y = rows
    later = X[:1].copy()
    later[0, [TIME, AMOUNT]] = 9_100, 77
    made = added("velocity", (X, y), later)[0]
    assert made[4] == (X[:, TIME] >= 9_100 - 3_600).sum()
    assert made[-1] == 0
