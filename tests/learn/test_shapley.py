"""Tables of Shapley values against the definition, spelt out coalition by coalition."""

import numpy as np
import pytest

from fraud.learn import shapley
from fraud.learn.covers import Leaf, Split
from fraud.learn.shapley import tables

COLUMNS = 6


def grown(rng, depth, cover=1_000.0):
    """A tree that asks some columns twice on one path, and has a way that no row of training went."""
    if depth == 0 or rng.random() < 0.1:
        return Leaf(float(rng.normal()), cover)
    share = rng.choice([0.0, 0.1, 0.4, 0.7])
    branches = grown(rng, depth - 1, cover * share), grown(rng, depth - 1, cover * (1 - share))
    return Split(int(rng.integers(COLUMNS)), round(float(rng.normal()), 1), *branches)


def answer(tree, row):
    while isinstance(tree, Split):
        tree = tree.yes if row[tree.column] <= tree.threshold else tree.no
    return tree.value


def expected(tree, row, known):
    """The mean of the leaves that a row may reach, of which only these columns are known."""
    if isinstance(tree, Leaf):
        return tree.value
    yes, no = expected(tree.yes, row, known), expected(tree.no, row, known)
    if tree.column in known:
        return yes if row[tree.column] <= tree.threshold else no
    total = tree.yes.cover + tree.no.cover
    share = tree.yes.cover / total if total else 0.5
    return share * yes + (1 - share) * no


def looked_up(made, row):
    found = np.zeros(COLUMNS)
    for table in made:
        line = sum(1 << k for k, (column, threshold) in enumerate(table.questions) if row[column] <= threshold)
        found[list(table.columns)] += table.values[line]
    return found


@pytest.mark.parametrize("depth", [0, 1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(4))
def test_tables_hold_the_values_of_the_definition(by_definition, depth, seed):
    rng = np.random.default_rng(seed)
    tree = grown(rng, depth)
    made = tables(tree)
    base = sum(table.expected for table in made)
    assert base == pytest.approx(expected(tree, np.zeros(COLUMNS), set()), abs=1e-12)
    for row in rng.normal(size=(5, COLUMNS)).round(1):
        found = looked_up(made, row)
        assert found.sum() + base == pytest.approx(answer(tree, row), abs=1e-12)
        for column in range(COLUMNS):
            by_hand = by_definition(lambda known, row=row: expected(tree, row, known), column, COLUMNS)
            assert found[column] == pytest.approx(by_hand, abs=1e-12)


def test_a_tree_of_many_questions_is_parted_into_tables_of_few(monkeypatch):
    tree = grown(np.random.default_rng(5), 5)
    whole = tables(tree)
    monkeypatch.setattr(shapley, "MOST_SPLITS", 5)
    parted = tables(tree)
    assert len(parted) > len(whole)
    assert max(len(table.questions) for table in parted) <= 5
    for row in np.random.default_rng(6).normal(size=(50, COLUMNS)):
        assert looked_up(parted, row) == pytest.approx(looked_up(whole, row), abs=1e-12)


def test_a_leaf_behind_too_many_questions_has_no_table():
    tree = Leaf(1.0, 5.0)
    for k in range(shapley.MOST_SPLITS + 1):
        assert tables(tree) is not None
        tree = Split(k % COLUMNS, float(k), tree, Leaf(0.0, 1.0))
    assert tables(tree) is None
