import numpy as np
import pytest

from fraud import schema
from fraud.features import prepare

TIME = schema.FEATURES.index(schema.TIME.name)


@pytest.fixture
def raw(transactions):
    return transactions[list(schema.FEATURES)].to_numpy()


def test_a_model_sees_float32_and_the_callers_array_stays(raw):
    before = raw.copy()
    made = prepare(raw, "of day")
    assert made.dtype == np.float32
    assert made.shape == raw.shape
    assert np.array_equal(raw, before)
    others = np.arange(raw.shape[1]) != TIME
    assert np.array_equal(made[:, others], raw[:, others].astype(np.float32))


@pytest.mark.parametrize("days", [1, 2, 365, 100_000])
def test_whole_days_drop_out_exactly(raw, days):
    later = raw.copy()
    later[:, TIME] += days * schema.SECONDS_PER_DAY
    assert np.array_equal(prepare(later, "of day"), prepare(raw, "of day"))
    assert not np.array_equal(prepare(later, "as given"), prepare(raw, "as given"))


@pytest.mark.parametrize(("time", "of_day"), [(-1.359807134, 86_398.640192866), (0, 0), (86_400, 0), (172_791, 86_391)])
def test_the_second_of_the_day(raw, time, of_day):
    raw[0, TIME] = time
    assert prepare(raw, "of day")[0, TIME] == np.float32(of_day)
    assert prepare(raw, "as given")[0, TIME] == np.float32(time)


@pytest.mark.parametrize("column", [schema.TIME.name, "V7", schema.AMOUNT.name])
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("time", ["of day", "as given"])
def test_what_is_not_finite_is_named(raw, column, wrong, time):
    raw[3, schema.FEATURES.index(column)] = wrong
    with pytest.raises(ValueError, match=f"{column} of transaction 3 is {wrong}: not finite"):
        prepare(raw, time)


def test_what_float32_can_not_hold_is_named(raw):
    raw[5, 1] = 1e39
    with pytest.raises(ValueError, match=r"V1 of transaction 5 is 1e\+39: not finite as a float32"):
        prepare(raw, "of day")


def test_what_would_overflow_a_sum_is_held_back(raw):
    raw[5, 1:3] = 3e38, -3e38
    made = prepare(raw, "of day")
    assert made[5, 1:3].tolist() == [np.float32(1e30), np.float32(-1e30)]


@pytest.mark.parametrize("shape", [(30,), (2, 29), (2, 31), (1, 2, 30)])
def test_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"expected \(n, 30\)"):
        prepare(np.zeros(shape), "of day")


def test_no_transactions_are_prepared_to_none():
    assert prepare(np.empty((0, 30)), "of day").shape == (0, 30)
