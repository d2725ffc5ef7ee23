import numpy as np
import pandas as pd
import pytest

from fraud import schema
from fraud.dataset.published import PUBLISHED, differences, measured


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(1)
    # Like principal components: centred and uncorrelated.
    noise = rng.normal(size=(400, len(schema.COMPONENTS)))
    components = np.linalg.qr(noise - noise.mean(axis=0)).Q * np.arange(60, 32, -1)
    values = {column.name: components[:, i] for i, column in enumerate(schema.COMPONENTS)}
    values["Time"] = np.sort(rng.integers(0, 1000, 400)).astype(float)
    values["Amount"] = rng.integers(0, 9000, 400) / 100
    values["Class"] = np.repeat([0, 1], [380, 20]).astype("int8")
    return pd.DataFrame(values)[list(schema.COLUMNS)]


def test_a_frame_agrees_with_its_own_facts(frame):
    assert differences(frame, measured(frame)) == []


def test_the_facts_are_those_that_pandas_computes(frame):
    facts = measured(frame)
    assert (facts.rows, facts.frauds) == (400, 20)
    assert facts.amount_mean == pytest.approx(frame["Amount"].mean())
    assert facts.fraud_amount_mean == pytest.approx(frame.loc[frame["Class"] == 1, "Amount"].mean())
    assert facts.component_std == pytest.approx(tuple(frame[f"V{i}"].std() for i in range(1, 29)))
    noisy = frame.assign(V2=frame["V2"] + frame["V5"])
    assert measured(noisy).component_correlation == pytest.approx(noisy["V2"].corr(noisy["V5"]))


def test_another_number_of_rows_or_frauds_is_told_first(frame):
    assert differences(frame) == ["rows 400, not 284807", "frauds 20, not 492"]


@pytest.mark.parametrize(
    ("column", "change", "fact"),
    [
        ("Amount", 1.0, "amount_mean"),
        ("Time", 1.0, "time_low"),
        ("V7", 0.001, "component_mean"),
    ],
)
def test_a_shifted_column_differs(frame, column, change, fact):
    wrong = differences(frame.assign(**{column: frame[column] + change}), measured(frame))
    assert any(entry.startswith(fact) for entry in wrong)


def test_a_stretched_component_is_named_with_both_values(frame):
    wrong = differences(frame.assign(V3=frame["V3"] * 2), measured(frame))
    deviation = frame["V3"].std()
    assert f"component_std {2 * deviation:.6g}, not {deviation:.6g}" in wrong


def test_the_same_values_in_another_order_of_one_column_differ(frame):
    shuffled = frame.assign(V3=frame["V3"].to_numpy()[::-1])
    assert any(entry.startswith("component_correlation") for entry in differences(shuffled, measured(frame)))


def test_a_missing_value_differs(frame):
    wrong = differences(frame.assign(V1=np.nan), measured(frame))
    assert any(entry.startswith("component_std nan") for entry in wrong)


def test_the_published_facts_are_whole():
    assert len(PUBLISHED.component_std) == len(schema.COMPONENTS)
    assert list(PUBLISHED.component_std) == sorted(PUBLISHED.component_std, reverse=True)
