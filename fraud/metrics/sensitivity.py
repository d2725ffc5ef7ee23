"""How the money depends on what the cost model assumes."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud.costs import CostModel, Floats
from fraud.metrics.intervals import interval, resamples
from fraud.metrics.money import ledger, savings

_FACTORS = {"halved": 0.5, "doubled": 2.0}


def sensitivity(
    decision: NDArray[np.str_],
    label: NDArray[np.int8],
    amount: Floats,
    costs: CostModel,
    weight: float,
    draws: int,
    seed: int,
) -> dict[str, dict[str, dict[str, Any]]]:
    """The share of attainable savings if one assumption were half or twice what it is, the decisions being the same.

    Args:
        decision, label, amount: shape (n,), as in `money.ledger`.
        costs: the assumptions.
        weight: what one legitimate row counts for, a fraud counting 1.
        draws, seed: of a bootstrap stratified by class, the draws being those of `intervals.bootstrap`.

    Returns:
        for each assumption `halved` and `doubled`, with its then `assumed` value (a share at most 1) and the interval
        of `savings_share`.
    """
    varied = list(_varied(costs))
    # (n, variants, 3)
    entries = np.stack([ledger(decision, label, amount, each) for _, _, _, each in varied], axis=1)
    value = savings(np.tensordot(np.where(label == 1, 1.0, weight), entries, 1))["savings_share"]
    drawn = _drawn(entries, label, weight, draws, seed)
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for position, (name, way, assumed, _) in enumerate(varied):
        share = interval(float(value[position]), drawn[:, position])
        found.setdefault(name, {})[way] = {"assumed": assumed, "savings_share": share}
    return found


def _varied(costs: CostModel) -> Iterator[tuple[str, str, float, CostModel]]:
    for name, field in CostModel.model_fields.items():
        most = min((limit.le for limit in field.metadata if hasattr(limit, "le")), default=np.inf)
        for way, factor in _FACTORS.items():
            assumed = float(min(factor * getattr(costs, name), most))
            yield name, way, assumed, costs.model_copy(update={name: assumed})


def _drawn(entries: Floats, label: NDArray[np.int8], weight: float, draws: int, seed: int) -> Floats:
    """The share of each variant in each draw, shape (draws, variants)."""
    others, frauds = entries[label == 0], entries[label == 1]
    # Most legitimate rows are approved, which costs nothing under any assumption.
    costly = np.flatnonzero(others.any(axis=(1, 2)))
    shares = []
    for legitimate, fraud in resamples([np.zeros(len(each), np.intp) for each in (others, frauds)], draws, seed):
        total = weight * np.tensordot(legitimate[:, costly], others[costly], 1) + np.tensordot(fraud, frauds, 1)
        shares.append(savings(total)["savings_share"])
    return np.concatenate(shares)
