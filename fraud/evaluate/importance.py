"""Which features a model's ranking depends on, by permutation, and how much and which way each moves its answers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud import schema
from fraud.evaluate.judged import Judged
from fraud.metrics import effects
from fraud.metrics.classification import Floats, judge
from fraud.metrics.intervals import Interval, bootstrap, interval, values
from fraud.metrics.sampled import standing_for
from fraud.scorer import Scorer

_REPEATS = 5
_TOP = 4

# Beside all frauds so many legitimate rows: a permuted one takes 150 answers, one for each feature and repeat. Half of
# these are those of the highest scores, on which average precision hangs: drawn like others, few of them would be
# there, and each count for many.
_PERMUTED = 2_000
_EXPLAINED = 2_000


def importance(judged: Judged, weight: float, draws: int, seed: int) -> dict[str, Any]:
    """What average precision loses without each feature, and what the features contribute to answers.

    Each feature in turn gets values of other rows, drawn from all that judge by their weight. That is a permutation
    which stands for production: a plain one would hand out as many frauds' values as the sample happens to hold. The
    loss is the mean of five repeats. Its interval is of a paired bootstrap of rows stratified by class, a fifth of the
    draws for each repeat, so that it holds the chance of rows and of the permutation.

    Source: Breiman, "Random forests", 2001; Fisher, Rudin and Dominici, "All models are wrong, but many are useful",
    2019.

    Returns:
        `repeats`; `permuted` and `explained`, each with the `rows` and `frauds` it was found on; `features`, for each
        the `average_precision` it accounts for with its interval and the mean absolute `contribution` in log-odds;
        `effects`, of the four that account for most, how the contribution follows the value.
    """
    generator = np.random.default_rng(seed)
    permuted = _sample(judged, _PERMUTED // 2, _PERMUTED - _PERMUTED // 2, generator)
    lost = _lost(judged, permuted, weight, draws, seed, generator)
    explained = _sample(judged, 0, _EXPLAINED, generator)
    features, label = judged.features[explained.rows], judged.label[explained.rows]
    weights = np.where(label == 1, 1.0, weight * explained.stand_for)
    contribution = judged.scorers["model"].contributions(features)
    magnitude = effects.magnitude(contribution, weights)
    top = sorted(range(len(lost)), key=lambda column: -lost[column]["value"])[:_TOP]
    return {
        "repeats": _REPEATS,
        "permuted": permuted.size(judged.label),
        "explained": explained.size(judged.label),
        "features": {
            name: {"average_precision": lost[column], "contribution": float(magnitude[column])}
            for column, name in enumerate(schema.FEATURES)
        },
        "effects": {
            schema.FEATURES[column]: effects.shape(features[:, column], contribution[:, column], weights)
            for column in top
        },
    }


@dataclass(frozen=True)
class _Sample:
    """Positions of judged rows, ascending, and how many rows of its class each of them stands for."""

    rows: NDArray[np.intp]
    stand_for: Floats

    def size(self, label: NDArray[np.int8]) -> dict[str, int]:
        return {"rows": len(self.rows), "frauds": int(label[self.rows].sum())}


def _sample(judged: Judged, surest: int, others: int, generator: np.random.Generator) -> _Sample:
    """All frauds, the legitimate rows of the highest scores, and of the other ones some that stand for all of them."""
    legitimate = np.flatnonzero(judged.label == 0)
    descending = legitimate[np.argsort(-judged.scores["model"].probability[legitimate], kind="stable")]
    rest = descending[surest:]
    drawn = generator.choice(rest, min(others, len(rest)), replace=False)
    stand_for = np.ones(len(judged.label))
    stand_for[drawn] = len(rest) / max(len(drawn), 1)
    rows = np.sort(np.concatenate([np.flatnonzero(judged.label == 1), descending[:surest], drawn]))
    return _Sample(rows, stand_for[rows])


def _lost(
    judged: Judged, sample: _Sample, weight: float, draws: int, seed: int, generator: np.random.Generator
) -> list[Interval]:
    """What average precision loses without each feature."""
    scorer, features, label = judged.scorers["model"], judged.features[sample.rows], judged.label[sample.rows]
    chance = np.where(judged.label == 1, 1.0, weight)
    chance /= chance.sum()
    # A ranking has no predictions.
    nothing = np.zeros_like(label)
    stand_for = sample.stand_for[label == 0]
    strata = (stand_for != 1).astype(np.intp), np.zeros(int(label.sum()), np.intp)
    value = np.zeros((_REPEATS, features.shape[1]))
    drawn = []
    for repeat in range(_REPEATS):
        givers = judged.features[generator.choice(len(chance), len(label), p=chance)]
        answers = {"": judged.scores["model"].probability[sample.rows]}
        answers |= {name: _without(scorer, features, givers, column) for column, name in enumerate(schema.FEATURES)}
        models = {}
        for name, probability in answers.items():
            legitimate, frauds = judge(label, probability, nothing)
            models[name] = standing_for(legitimate, stand_for), frauds
        precision = {name: values(model, weight)["average_precision"] for name, model in models.items()}
        value[repeat] = [precision[""] - precision[name] for name in schema.FEATURES]
        # The first repeats take what does not part evenly.
        share = len(range(repeat, draws, _REPEATS))
        of_rows = bootstrap(models, weight, share, seed + repeat, strata)
        base = of_rows[""]["average_precision"]
        drawn.append(np.array([base - of_rows[name]["average_precision"] for name in schema.FEATURES]))
    joined = np.concatenate(drawn, axis=1)
    return [interval(float(mean), each) for mean, each in zip(value.mean(axis=0), joined, strict=True)]


def _without(scorer: Scorer, features: Floats, givers: Floats, column: int) -> Floats:
    changed = features.copy()
    changed[:, column] = givers[:, column]
    return scorer.probability(changed)
