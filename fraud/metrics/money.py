"""What decisions cost, and how much of what could be saved they save."""

import numpy as np
from numpy.typing import NDArray

from fraud.costs import DECISIONS, CostModel, Floats


def ledger(decision: NDArray[np.str_], label: NDArray[np.int8], amount: Floats, costs: CostModel) -> Floats:
    """What n transactions cost, in euros: as decided, if all were approved, if each label had been known.

    Args:
        decision: shape (n,), each one of `DECISIONS`.
        label: shape (n,), 0 or 1.
        amount: shape (n,), euros.

    Returns:
        shape (n, 3); the last column is the cheapest decision for each transaction, the perfect model's.

    Raises:
        ValueError: a decision is none of `DECISIONS`.
    """
    chosen = np.array([decision == name for name in DECISIONS])
    if not chosen.any(0).all():
        raise ValueError(f"a decision is none of {', '.join(DECISIONS)}")
    cost = costs.of(label, amount)
    return np.column_stack([np.where(chosen, cost, 0).sum(0), cost[0], cost.min(0)])


def savings(total: Floats) -> dict[str, Floats]:
    """`cost` and `savings`, in euros, and `savings_share`, each of the shape of the totals before their last axis.

    Savings are what the decisions cost less than approving everything would. The share is that of the savings that a
    perfect model would attain: 1 for decisions as good as known labels, 0 for approving everything, below 0 for worse.

    Source: Bahnsen, Aouada and Ottersten, "Example-dependent cost-sensitive logistic regression for credit scoring",
    2014, where savings are a share of the cost of doing nothing; here of that part of it which can be saved.

    Args:
        total: shape (..., 3), sums over the columns of `ledger`, each row counting its weight; a fraud among them.
    """
    decided, nothing, perfect = np.moveaxis(total, -1, 0)
    saved = nothing - decided
    return {"cost": decided, "savings": saved, "savings_share": saved / (nothing - perfect)}
