"""Path-dependent Shapley values of a tree, tabulated: one row for each pattern of answers to its splits.

What a tree expects where only some columns are known is a mean over the leaves that remain: at a split on an unknown
column both ways are taken, each by its share of the cover. Shapley values of that game are those that LightGBM, XGBoost
and CatBoost call contributions (Lundberg et al., "From local explanations to global understanding with explainable AI
for trees", 2020).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from math import factorial

import numpy as np
from numpy.typing import NDArray

from fraud.learn.covers import Leaf, Split, Tree

# A table has two to the power of this many rows at most.
MOST_SPLITS = 8

# A column and the threshold that its value is at most, or is not.
Question = tuple[int, float]


@dataclass(frozen=True)
class Table:
    """Shapley values of one tree, or of some of its leaves.

    `values` has shape (2 ** len(questions), len(columns)), in float64; bit k of a row's number is set where the answer
    to question k is yes. `expected` is the mean of the tree over its cover, from which the values go out.
    """

    questions: tuple[Question, ...]
    columns: tuple[int, ...]
    values: NDArray[np.float64]
    expected: float


def tables(tree: Tree) -> list[Table] | None:
    """Tables whose values, looked up by a row's answers, add up to the Shapley values of the tree.

    Shapley values are additive: those of a tree are the sum of those of its branches, each with all other leaves at 0.
    A tree with too many questions is parted into such branches; None where one leaf alone stands behind too many.
    """
    branches = list(_branches(tree))
    few = [branch for branch in branches if branch is not None]
    return [_table(branch) for branch in few] if len(few) == len(branches) else None


def _branches(tree: Tree, within: Callable[[Tree], Tree] = lambda branch: branch) -> Iterator[Tree | None]:
    """Trees of few enough questions that add up to `within(tree)`."""
    whole = within(tree)
    if len(_questions(whole)) <= MOST_SPLITS:
        yield whole
    elif isinstance(tree, Leaf):
        yield None
    else:
        split, other = tree, Leaf(0.0, tree.no.cover)
        yield from _branches(tree.yes, lambda branch: within(Split(split.column, split.threshold, branch, other)))
        another = Leaf(0.0, tree.yes.cover)
        yield from _branches(tree.no, lambda branch: within(Split(split.column, split.threshold, another, branch)))


def _questions(tree: Tree) -> set[Question]:
    if isinstance(tree, Leaf):
        return set()
    return {(tree.column, tree.threshold)} | _questions(tree.yes) | _questions(tree.no)


def _table(tree: Tree) -> Table:
    questions = tuple(sorted(_questions(tree)))
    columns = tuple(sorted({column for column, _ in questions}))
    known = _bits(len(columns))[:, :, None]
    answers = _bits(len(questions))[:, None, :]

    def expected(node: Tree) -> NDArray[np.float64]:
        """For each coalition of known columns, and each pattern of answers."""
        if isinstance(node, Leaf):
            return np.array(node.value)[None, None]
        yes, no = expected(node.yes), expected(node.no)
        # CatBoost has splits that no row of training has passed; both ways are worth the same there.
        share = node.yes.cover / node.cover if node.cover > 0 else 0.5
        answer = answers[questions.index((node.column, node.threshold))]
        told = known[columns.index(node.column)]
        return np.where(told, np.where(answer, yes, no), share * yes + (1 - share) * no)

    of_coalitions = np.broadcast_to(expected(tree), (1 << len(columns), 1 << len(questions)))
    values = (_shapley(len(columns)) @ of_coalitions).T
    return Table(questions, columns, values, float(of_coalitions[0, 0]))


@cache
def _bits(count: int) -> NDArray[np.bool_]:
    """Shape (count, 2 ** count): whether bit k of each number is set."""
    return np.asarray((np.arange(1 << count) >> np.arange(count)[:, None]) & 1 == 1)


@cache
def _shapley(players: int) -> NDArray[np.float64]:
    """From the worth of each coalition to each player's Shapley value, shape (players, 2 ** players).

    Source: Shapley, "A value for n-person games", 1953.
    """
    member = _bits(players)
    size = member.sum(0)
    orders = [factorial(k) * factorial(players - k - 1) / factorial(players) for k in range(players)]
    joined = np.array([0.0, *orders])[size]
    left = np.array([*orders, 0.0])[size]
    return np.asarray(np.where(member, joined, -left))
