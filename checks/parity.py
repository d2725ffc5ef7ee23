"""Whether the bundle answers as the pipeline that it was exported from, on every row kept apart."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from checks.gate import Gate
from checks.thresholds import ParityLimits
from fraud.bundle import Thresholds
from fraud.costs import DECISIONS
from fraud.errors import UsageError


def gates(
    scores: pd.DataFrame, pipeline: pd.DataFrame, thresholds: Mapping[str, Thresholds], limits: ParityLimits
) -> list[Gate]:
    """Two gates a protocol: the largest difference in probability, and decisions that differ away from the threshold.

    Args:
        scores: `scores.parquet`, what the bundle answered through `Scorer`.
        pipeline: `pipeline.parquet`, what the fitted pipeline answered for the same rows.
        thresholds: the bundle's, by protocol.

    Raises:
        UsageError: the two were not made for the same rows.
    """
    both = scores.merge(pipeline, on=["protocol", "row"], how="outer", suffixes=("", "_pipeline"), indicator=True)
    answered = both[["probability", "probability_pipeline"]].notna().all(axis=None)
    if not answered or not (both["_merge"] == "both").all() or len(both) != len(scores):
        raise UsageError("scores.parquet and pipeline.parquet hold other rows: remove both and run `make evaluate`")
    return [
        gate
        for protocol, rows in both.groupby("protocol")
        for gate in _of(str(protocol), rows, thresholds[str(protocol)], limits)
    ]


def _of(protocol: str, rows: pd.DataFrame, thresholds: Thresholds, limits: ParityLimits) -> list[Gate]:
    probability = rows["probability_pipeline"].to_numpy()
    difference = float(np.abs(rows["probability"] - probability).max())
    differ, away = np.zeros(len(rows), np.bool_), np.zeros(len(rows), np.bool_)
    # Either threshold may depend on the amount.
    for place, threshold in enumerate(thresholds.applied(rows["amount"].to_numpy()), 1):
        crossed = (probability >= threshold) != rows["decision"].isin(DECISIONS[place:]).to_numpy()
        differ |= crossed
        away |= crossed & (np.abs(probability - threshold) > limits.near_threshold)
    wrong, excused = int(away.sum()), int((differ & ~away).sum())
    return [
        Gate(
            name=f"{protocol}: parity of probability",
            value=difference,
            max=limits.max_probability_difference,
            max_key="parity.max_probability_difference",
            reason="the bundle that ships must answer as the model that was fitted",
        ),
        Gate(
            name=f"{protocol}: parity of decisions",
            value=wrong,
            max=0,
            max_key="parity.near_threshold",
            reason="no decision may turn on the export",
            detail=f"{excused} of {len(rows):,} differ within {limits.near_threshold:g} of the threshold",
        ),
    ]
