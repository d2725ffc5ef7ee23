"""Whether the bundle answers as the pipeline that it was exported from, on every row kept apart."""

import numpy as np
import pandas as pd

from checks.gate import Gate
from checks.thresholds import ParityLimits
from fraud.errors import UsageError


def gates(scores: pd.DataFrame, pipeline: pd.DataFrame, limits: ParityLimits) -> list[Gate]:
    """Two gates a protocol: the largest difference in probability, and decisions that differ away from the threshold.

    Args:
        scores: `scores.parquet`, what the bundle answered through `Scorer`.
        pipeline: `pipeline.parquet`, what the fitted pipeline answered for the same rows.

    Raises:
        UsageError: the two were not made for the same rows.
    """
    both = scores.merge(pipeline, on=["protocol", "row"], how="outer", suffixes=("", "_pipeline"), indicator=True)
    answered = both[["probability", "probability_pipeline"]].notna().all(axis=None)
    if not answered or not (both["_merge"] == "both").all() or len(both) != len(scores):
        raise UsageError("scores.parquet and pipeline.parquet hold other rows: run `make train evaluate` again")
    return [gate for protocol, rows in both.groupby("protocol") for gate in _of(str(protocol), rows, limits)]


def _of(protocol: str, rows: pd.DataFrame, limits: ParityLimits) -> list[Gate]:
    difference = float(np.abs(rows["probability"] - rows["probability_pipeline"]).max())
    # Each row has its own: the threshold that its decision turned on, which may depend on the amount.
    above = (rows["probability_pipeline"] - rows["threshold"]).to_numpy()
    differs = (above >= 0) != (rows["prediction"] == 1).to_numpy()
    near = np.abs(above) <= limits.near_threshold
    wrong, excused = int((differs & ~near).sum()), int((differs & near).sum())
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
