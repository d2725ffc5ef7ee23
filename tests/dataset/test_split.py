import numpy as np
import pandas as pd
import pytest

from fraud import schema
from fraud.dataset import split
from fraud.errors import UsageError

FEATURES = list(schema.FEATURES)
SEEDS = range(5)


@pytest.fixture
def repeated(draw):
    """Rows of which many are copies, in random order; copies may differ in their label."""
    frame = draw(1_200, 60, 9)
    copies = frame.sample(400, random_state=1)
    copies.loc[copies.index[:3], schema.LABEL.name] ^= 1
    return pd.concat([frame, copies, copies.head(50)]).sample(frac=1, random_state=2).reset_index(drop=True)


def partitions(rows, frame):
    both = np.concatenate([rows.train, rows.test])
    assert np.array_equal(np.sort(both), np.arange(len(frame)))
    assert (np.diff(rows.train) > 0).all()
    assert (np.diff(rows.test) > 0).all()


def straddling(frame, rows):
    """How many rows that judge have a copy among those that train, by the plainest comparison."""
    seen = set(map(tuple, frame.iloc[rows.train][FEATURES].to_numpy()))
    return sum(tuple(row) in seen for row in frame.iloc[rows.test][FEATURES].to_numpy())


@pytest.mark.parametrize("seed", SEEDS)
def test_the_random_protocol_is_stratified_and_keeps_copies_together(repeated, seed):
    rows = split.random_split(repeated, 0.3, seed)
    partitions(rows, repeated)
    assert straddling(repeated, rows) == 0
    assert len(rows.test) / len(repeated) == pytest.approx(0.3, abs=0.03)
    share = repeated[schema.LABEL.name].mean()
    assert repeated.iloc[rows.test][schema.LABEL.name].mean() == pytest.approx(share, rel=0.2)


def test_without_copies_the_shares_are_exact(transactions):
    rows = split.random_split(transactions, 0.3, 42)
    test = transactions.iloc[rows.test]
    assert (len(test), test[schema.LABEL.name].sum()) == (120, 6)


@pytest.mark.parametrize("seed", SEEDS)
def test_folds_judge_each_row_once_and_keep_copies_together(repeated, seed):
    dealt = list(split.folds(repeated, 3, seed))
    assert np.array_equal(np.sort(np.concatenate([rows.test for rows in dealt])), np.arange(len(repeated)))
    for rows in dealt:
        partitions(rows, repeated)
        assert straddling(repeated, rows) == 0
        assert repeated.iloc[rows.test][schema.LABEL.name].sum() >= 15


def test_a_zero_of_either_sign_is_the_same_zero(transactions):
    positive = transactions.assign(V1=0.0)
    both = pd.concat([positive, positive.assign(V1=-0.0)], ignore_index=True)
    assert straddling(both, split.random_split(both, 0.3, 1)) == 0


def test_folds_keep_near_copies_together_whatever_their_time_and_amount(transactions):
    near = transactions.copy()
    near["V3"] += 0.004 - near["V3"] % 0.01  # within a hundredth, in the middle of it
    other = near.assign(Time=near["Time"] + 60, Amount=near["Amount"] + 5)
    other["V3"] += 0.0005
    both = pd.concat([near, other], ignore_index=True)
    for fold in split.folds(both, 3, 1):
        assert not set(fold.test % len(near)) & set(fold.train % len(near))


def test_forward_chaining_judges_each_later_block_by_all_before_it(transactions):
    dealt = list(split.blocks(transactions, 3))
    time = transactions["Time"].to_numpy()
    assert len(dealt) == 3
    for fold, following in zip(dealt, [*dealt[1:], None], strict=True):
        assert time[fold.train].max() < time[fold.test].min()
        if following is not None:
            assert np.array_equal(np.sort(np.r_[fold.train, fold.test]), following.train)
    assert len(dealt[-1].train) + len(dealt[-1].test) == len(transactions)


def test_forward_chaining_leaves_out_blocks_without_frauds(transactions):
    late = transactions["Time"] > transactions["Time"].quantile(0.6)
    frame = transactions[late | (transactions["Class"] == 0)].reset_index(drop=True)
    assert 0 < len(list(split.blocks(frame, 5))) < 5


def test_forward_chaining_leaves_out_a_block_with_a_single_fraud(transactions):
    whole = list(split.blocks(transactions, 3))
    last = whole[-1].test
    frauds = last[transactions["Class"].to_numpy()[last] == 1]
    frame = transactions.copy()
    frame.loc[frauds[2:], "Class"] = 0
    assert len(list(split.blocks(frame, 3))) == 3
    frame.loc[frauds[1:], "Class"] = 0
    assert len(list(split.blocks(frame, 3))) == 2


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_the_chronological_protocol_judges_the_latest_rows(repeated, share):
    rows = split.chronological_split(repeated, share)
    partitions(rows, repeated)
    time = repeated[schema.TIME.name].to_numpy()
    assert time[rows.train].max() < time[rows.test].min()
    assert len(rows.test) / len(repeated) == pytest.approx(share, abs=0.01)
    assert straddling(repeated, rows) == 0


@pytest.mark.parametrize(
    ("first", "last", "judging"), [(8, 9, 2), (7, 8, 3), (7, 9, 3), (6, 7, 2), (6, 8, 1), (5, 8, 1)]
)
def test_a_second_at_the_cut_goes_whole_to_the_nearer_side(transactions, first, last, judging):
    """Ten rows of which two are to judge; those at positions `first` to `last` happened in the same second."""
    time = np.arange(10.0)
    time[first : last + 1] = time[first]
    frame = transactions.head(10).assign(Time=time)
    assert len(split.chronological_split(frame, 0.2).test) == judging


def test_the_seed_decides_and_only_for_the_random_protocol(repeated):
    first, again, other = (split.protocols(repeated, 0.3, 0.2, seed) for seed in (1, 1, 2))
    for name in first:
        assert split.digest(first[name].train) == split.digest(again[name].train)
    assert split.digest(first["random"].train) != split.digest(other["random"].train)
    assert split.digest(first["chronological"].train) == split.digest(other["chronological"].train)


def test_the_digest_tells_rows_apart_but_not_their_number_type():
    rows = np.array([1, 2, 3])
    assert split.digest(rows) == split.digest(rows.astype(np.int32))
    assert len({split.digest(rows), split.digest(rows[:2]), split.digest(rows + 1)}) == 3


def test_a_past_without_frauds_is_told_before_anything_is_fitted(transactions):
    frame = transactions.assign(Class=np.where(transactions[schema.TIME.name].rank() > 360, 1, 0).astype("int8"))
    with pytest.raises(UsageError, match="the chronological protocol needs frauds"):
        split.protocols(frame, 0.3, 0.2, 1)


def test_too_few_rows_to_split_or_to_deal_are_told(transactions):
    one = transactions.assign(Class=(np.arange(400) == 7).astype("int8"))
    with pytest.raises(UsageError, match="too few rows"):
        split.random_split(one, 0.3, 1)
    with pytest.raises(UsageError, match="1 distinct rows of one class can't be dealt to 3 folds"):
        next(split.folds(one, 3, 1))
