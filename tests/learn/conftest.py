"""Candidates that are fitted in no time, by the code of those that they are like."""

from itertools import combinations
from math import comb

import pytest

from fraud.learn.candidates import Candidate, Range, registry

# What makes a fit long, and what is enough to go the same way.
_FEW = {"n_estimators": 15, "max_iter": 15, "passes": 3, "networks": 1}


def lightened(candidate: Candidate) -> Candidate:
    few = {name: least for name, least in _FEW.items() if name in candidate.parameters}
    if candidate.estimator == "catboost":
        few["n_estimators"] = _FEW["n_estimators"]
    if candidate.estimator == "easy ensemble":
        few["n_estimators"] = 2
    if candidate.estimator == "rusboost":
        # It refuses a tree that errs on more than half of the rows, as on balanced draws of chance labels one may.
        few["sampling_strategy"] = 0.5
    return candidate.model_copy(
        update={
            "parameters": {**candidate.parameters, **few},
            "search": {},
            "members": tuple(lightened(member) for member in candidate.members),
            # The tests' rows hold a handful of legitimate rows a fraud: more than this, that resampling has work to do.
            "legitimate_a_fraud": min(candidate.legitimate_a_fraud, 2.0),
        }
    )


@pytest.fixture(scope="session")
def lighten():
    """`lighten(candidate)`: the same with fewer trees and passes."""
    return lightened


@pytest.fixture(scope="session")
def logistic():
    return registry()["logistic"].model_copy(update={"search": {}})


@pytest.fixture(scope="session")
def tuned_trees(trees):
    """Looked for among more and quicker trees than the one, a slow one, that it has."""
    ranges = {"n_estimators": Range(low=1, high=30), "learning_rate": Range(low=0.01, high=0.3, log=True)}
    few = trees("tuned", 1)
    return few.model_copy(
        update={"parameters": {**few.parameters, "learning_rate": 0.01}, "search": ranges, "attempts": 12}
    )


@pytest.fixture(scope="session")
def trees():
    """`trees(name, n)`: n small trees of LightGBM."""

    def made(name: str, count: int) -> Candidate:
        like = registry()["lightgbm"]
        parameters = {**like.parameters, "n_estimators": count, "learning_rate": 0.1}
        return like.model_copy(update={"name": name, "parameters": parameters, "search": {}})

    return made


@pytest.fixture(scope="session")
def by_definition():
    """`by_definition(worth, player, players)`: a Shapley value, `worth` being that of a frozenset of players.

    It is what the player adds to a coalition of the others: the mean over sizes, and of a size over its coalitions.
    """

    def value(worth, player, players):
        others = [other for other in range(players) if other != player]
        return sum(
            (worth(frozenset({*before, player})) - worth(frozenset(before))) / (players * comb(players - 1, size))
            for size in range(players)
            for before in combinations(others, size)
        )

    return value
