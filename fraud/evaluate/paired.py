"""Models judged on the same rows and the same draws: their metrics, and the paired differences between them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fraud.costs import CostModel
from fraud.metrics import delong, mcnemar
from fraud.metrics.boundary import widened
from fraud.metrics.classification import Floats, judge
from fraud.metrics.intervals import Interval, bootstrap, interval, values
from fraud.metrics.money import ledger
from fraud.scorer import Scores


@dataclass(frozen=True)
class Paired:
    """By model, its answers for the rows, each metric's value, and each metric on every draw."""

    label: NDArray[np.int8]
    weight: float
    scores: Mapping[str, Scores]
    value: Mapping[str, Mapping[str, float]]
    drawn: Mapping[str, Mapping[str, Floats]]

    def metrics(self, model: str) -> dict[str, Interval]:
        """The metrics of one model with their intervals."""
        figures = {name: interval(value, self.drawn[model][name]) for name, value in self.value[model].items()}
        frauds = int(self.label.sum())
        return widened(figures, frauds, len(self.label) - frauds, self.weight)

    def difference(self, model: str, other: str) -> dict[str, Interval]:
        """`model` less `other` in every metric, with `p` besides where there is a test.

        It is DeLong's of `roc_auc`, and McNemar's of what counts flagged rows, where a bootstrap finds four rows that
        differ, all in one direction, to be beyond chance.
        """
        paired = {
            name: interval(value - self.value[other][name], self.drawn[model][name] - self.drawn[other][name])
            for name, value in self.value[model].items()
        }
        for name, p in self._tested(model, other):
            paired[name]["p"] = p
        return paired

    def _tested(self, model: str, other: str) -> Iterator[tuple[str, float]]:
        first, second = self.scores[model], self.scores[other]
        yield "roc_auc", delong.p_value(self.label, first.probability, second.probability)
        of_class = [
            mcnemar.p_value(first.prediction[self.label == label], second.prediction[self.label == label])
            for label in (0, 1)
        ]
        yield from ((name, of_class[0]) for name in ("false_positives", "true_negatives"))
        yield from ((name, of_class[1]) for name in ("true_positives", "false_negatives", "recall"))
        # Whether the flags differ at all, in either class, by Bonferroni: no test of the precision itself, but without
        # it there is nothing to tell of.
        yield from ((name, min(1.0, 2 * min(of_class))) for name in ("precision", "f1", "accuracy"))


def paired(
    label: NDArray[np.int8],
    amount: Floats,
    scores: Mapping[str, Scores],
    costs: CostModel,
    weight: float,
    draws: int,
    seed: int,
) -> Paired:
    """Judge models by their answers for n rows, in the same order.

    Args:
        label, amount: shape (n,), the latter in euros.
        scores: by model.
        weight: what one legitimate row counts for, a fraud counting 1.

    Raises:
        ValueError: a class is missing among the rows.
    """
    models = {
        name: judge(label, s.probability, s.prediction, ledger(s.decision, label, amount, costs))
        for name, s in scores.items()
    }
    value = {name: values(model, weight) for name, model in models.items()}
    return Paired(label, weight, scores, value, bootstrap(models, weight, draws, seed))
