"""The synthetic twin: what is drawn, what is stored, and what a fit leaves of the rows it was given."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fraud import schema
from fraud.dataset import twin, twin_fit, twin_statistics
from fraud.dataset.published import PUBLISHED, measured
from fraud.dataset.source import STATISTICS
from fraud.errors import UsageError

FEATURES = list(schema.FEATURES)
COMPONENTS = [column.name for column in schema.COMPONENTS]


@pytest.fixture(scope="module")
def statistics() -> twin.Statistics:
    return twin.load(STATISTICS)


@pytest.fixture(scope="module")
def full(statistics: twin.Statistics) -> pd.DataFrame:
    return twin.draw(statistics)


@pytest.fixture(scope="module")
def refitted(statistics: twin.Statistics) -> tuple[pd.DataFrame, twin.Statistics]:
    """Rows that stand for genuine ones, and what a fit makes of them."""
    rows = twin.draw(statistics, 6_000, 120, seed=3)
    return rows, twin_fit.fit(rows)


@pytest.mark.parametrize(("rows", "frauds"), [(1_000, 20), (6_000, 60), (2, 1)])
def test_the_numbers_of_rows_and_frauds_are_those_asked_for(
    statistics: twin.Statistics, rows: int, frauds: int
) -> None:
    frame = twin.draw(statistics, rows, frauds, seed=1)
    assert tuple(frame.columns) == schema.COLUMNS
    assert (len(frame), int(frame["Class"].sum())) == (rows, frauds)
    assert frame["Time"].is_monotonic_increasing
    assert np.isfinite(frame.to_numpy()).all()
    assert (frame[FEATURES].dtypes == np.float64).all()


def test_the_same_seed_draws_the_same_rows_and_another_seed_others(statistics: twin.Statistics) -> None:
    first, again, other = (twin.draw(statistics, 1_000, 20, seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


@pytest.mark.parametrize(("rows", "frauds"), [(100, 0), (100, 100), (0, 0)])
def test_a_twin_of_one_class_is_refused(statistics: twin.Statistics, rows: int, frauds: int) -> None:
    with pytest.raises(UsageError, match="one row of each class"):
        twin.draw(statistics, rows, frauds)


def test_the_full_twin_has_the_published_facts(full: pd.DataFrame) -> None:
    found = measured(full)
    assert (found.rows, found.frauds) == (PUBLISHED.rows, PUBLISHED.frauds)
    assert full["Time"].between(0, PUBLISHED.time_high).all()
    assert found.time_high - found.time_low > 0.99 * PUBLISHED.time_high
    assert found.amount_mean == pytest.approx(PUBLISHED.amount_mean, rel=0.05)
    assert found.amount_std == pytest.approx(PUBLISHED.amount_std, rel=0.15)
    assert found.amount_median == pytest.approx(PUBLISHED.amount_median, rel=0.05)
    assert found.amount_high <= PUBLISHED.amount_high
    assert found.fraud_amount_mean == pytest.approx(PUBLISHED.fraud_amount_mean, rel=0.3)
    assert found.component_mean < 0.03
    assert found.component_correlation < 0.15
    np.testing.assert_allclose(found.component_std, PUBLISHED.component_std, rtol=0.15)


def test_the_full_twin_repeats_rows_as_often_as_the_published_data(full: pd.DataFrame) -> None:
    repeated = full.duplicated()
    assert repeated.sum() == 1_081
    assert repeated[full["Class"] == 1].sum() == 19


def test_amounts_are_whole_cents_with_heaps(full: pd.DataFrame) -> None:
    amount = full["Amount"]
    assert amount.equals(amount.round(2))
    shares = amount.value_counts(normalize=True)
    assert shares[1.00] == pytest.approx(0.05, abs=0.02)
    assert shares[9.99] == pytest.approx(0.015, abs=0.01)
    assert (full.loc[full["Class"] == 1, "Amount"] == 1.00).mean() == pytest.approx(0.23, abs=0.08)


def test_nights_are_quiet_on_both_days(full: pd.DataFrame) -> None:
    by_hour = np.bincount((full["Time"] // 3_600).astype(int), minlength=48)
    for day in (by_hour[:24], by_hour[24:48]):
        assert day[2:6].max() < 0.4 * day[10:22].min()


def test_statistics_survive_the_file(statistics: twin.Statistics, tmp_path: Path) -> None:
    path = tmp_path / "twin.json"
    twin_statistics.save(statistics, path)
    assert twin.load(path) == statistics
    assert path.stat().st_size < 1_000_000


def _without(document: dict, key: str) -> dict:
    return {name: value for name, value in document.items() if name != key}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda document: _without(document, "overt"),
        lambda document: document | {"version": 2},
        lambda document: document | {"unknown": 1},
        lambda document: document | {"hidden_share": 1.5},
        lambda document: document | {"hidden_shift": document["hidden_shift"][:-1]},
        lambda document: document | {"hidden_weights": document["hidden_weights"][:-1]},
        lambda document: document | {"legitimate_margins": document["legitimate_margins"][:-1]},
        lambda document: (
            document | {"overt": document["overt"] | {"weights": [0.0] * len(document["overt"]["weights"])}}
        ),
        lambda document: document | {"overt": document["overt"] | {"means": document["overt"]["means"][:-1]}},
        lambda document: (
            document | {"overt": document["overt"] | {"factors": [[1.0]] * len(document["overt"]["means"])}}
        ),
        lambda document: (
            document
            | {"overt_margins": [margin | {"drawn": margin["drawn"][::-1]} for margin in document["overt_margins"]]}
        ),
        lambda document: (
            document
            | {"overt_margins": [margin | {"genuine": margin["genuine"][1:]} for margin in document["overt_margins"]]}
        ),
        lambda document: [document],
    ],
)
def test_malformed_statistics_are_refused(spoil, tmp_path: Path) -> None:
    path = tmp_path / "twin.json"
    path.write_text(json.dumps(spoil(json.loads(STATISTICS.read_text()))))
    with pytest.raises(UsageError, match="holds no statistics of a twin"):
        twin.load(path)


def test_a_file_cut_short_a_missing_one_and_a_folder_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "twin.json"
    path.write_bytes(STATISTICS.read_bytes()[:1_000])
    for unusable in (path, tmp_path / "none.json", tmp_path):
        with pytest.raises(UsageError, match=r"twin fit|can't be read"):
            twin.load(unusable)


def test_a_fit_keeps_margins_and_dependence(refitted: tuple[pd.DataFrame, twin.Statistics]) -> None:
    rows, fitted = refitted
    drawn = twin.draw(fitted, 20_000, 400, seed=5)
    for value in (0, 1):
        mine, theirs = (frame[frame["Class"] == value] for frame in (drawn, rows))
        low, middle, high = theirs[COMPONENTS].quantile([0.25, 0.5, 0.75]).to_numpy()
        apart = np.abs(mine[COMPONENTS].median().to_numpy() - middle)
        assert (apart < (0.1, 0.5)[value] * (high - low)).all()
    legitimate, own = (frame[frame["Class"] == 0] for frame in (rows, drawn))
    assert own["V2"].corr(own["Amount"]) == pytest.approx(legitimate["V2"].corr(legitimate["Amount"]), abs=0.15)
    assert own["Time"].corr(own["V3"]) == pytest.approx(legitimate["Time"].corr(legitimate["V3"]), abs=0.1)


def test_a_fit_counts_repeats_and_estimates_the_hidden(refitted: tuple[pd.DataFrame, twin.Statistics]) -> None:
    rows, fitted = refitted
    repeated, fraud = rows.duplicated(), rows["Class"] == 1
    assert fitted.fraud_repeats == pytest.approx(repeated[fraud].mean())
    assert fitted.legitimate_repeats == pytest.approx(repeated[~fraud].mean())
    assert 0.05 < fitted.hidden_share < 0.35


def test_no_quantile_is_the_extreme_of_a_row(refitted: tuple[pd.DataFrame, twin.Statistics]) -> None:
    rows, fitted = refitted
    legitimate = rows.loc[rows["Class"] == 0, FEATURES].to_numpy()
    for i, margin in enumerate(fitted.legitimate_margins):
        if FEATURES[i] != "Amount":  # 0 is an amount of many rows
            assert (legitimate[:, i] < margin.genuine[0]).sum() >= 5
            assert (legitimate[:, i] > margin.genuine[-1]).sum() >= 5


def test_no_component_stands_for_a_handful_of_rows(refitted: tuple[pd.DataFrame, twin.Statistics]) -> None:
    rows, fitted = refitted
    distinct = rows.drop_duplicates()
    assert min(fitted.legitimate.weights) * (distinct["Class"] == 0).sum() >= 55
    overt = (distinct["Class"] == 1).sum() * (1 - fitted.hidden_share)
    assert min(fitted.overt.weights) * overt >= 10 - 1e-3


def test_frauds_like_the_legitimate_hide(statistics: twin.Statistics) -> None:
    """Where labels say nothing, there is nothing to find, and the twin's frauds are drawn so."""
    rows = twin.draw(statistics, 3_000, 100, seed=3)
    rows["Class"] = np.random.default_rng(0).permutation(rows["Class"])
    fitted = twin_fit.fit(rows)
    fraud = twin.draw(fitted, 3_000, 500, seed=4).groupby("Class")[COMPONENTS].mean()
    assert (fraud.diff().iloc[-1].abs() / rows[COMPONENTS].std()).max() < 0.5


def test_too_few_frauds_are_refused(statistics: twin.Statistics) -> None:
    with pytest.raises(UsageError, match="too few to fit a twin"):
        twin_fit.fit(twin.draw(statistics, 3_000, 20, seed=3))


def test_a_sample_of_the_published_data_is_completed(statistics: twin.Statistics) -> None:
    rows = twin.draw(statistics, 6_000, 200, seed=3)
    seen = rows[rows["Time"] < 145_247].reset_index(drop=True)
    fitted = twin_fit.fit(seen, sample_of_published=True)
    drawn = twin.draw(fitted, 40_000, 70, seed=4)
    assert (drawn["Time"] > 145_247).mean() == pytest.approx((rows["Time"] > 145_247).mean(), abs=0.04)
    assert np.abs(drawn[COMPONENTS].mean() / rows[COMPONENTS].std()).max() < 0.1
    # From one day to the next V3 falls by about 1.4: an evening lent by the day before has to have fallen too.
    late = [frame.loc[frame["Time"] > 145_247, "V3"].mean() for frame in (drawn, rows)]
    assert late[0] == pytest.approx(late[1], abs=0.4)
    assert fitted.fraud_repeats == pytest.approx(19 / 492)


def test_run_fit_writes_what_load_reads(statistics: twin.Statistics, tmp_path: Path) -> None:
    data, out = tmp_path / "own.parquet", tmp_path / "twin.json"
    twin.draw(statistics, 2_000, 60, seed=3).to_parquet(data)
    twin_fit.run_fit(data, out)
    assert twin.load(out).about == "2,000 rows, 60 of them frauds"
