"""Two transactions to try the API with, drawn from the synthetic twin: no genuine row may leave the data."""

from pathlib import Path

import numpy as np
import pandas as pd

from fraud import artefacts, schema
from fraud.dataset import twin
from fraud.dataset.source import STATISTICS

# Where the API serves them from.
PATH = Path(__file__).resolve().parents[1] / "api" / "static" / "examples.json"

_ROWS, _FRAUDS = 20_000, 400


def write(path: Path = PATH) -> None:
    """Write the most typical fraud and the most typical legitimate transaction of a twin, by name.

    Raises:
        UsageError: the twin's statistics can't be read.
    """
    drawn = twin.draw(twin.load(STATISTICS), rows=_ROWS, frauds=_FRAUDS)
    names = {0: "a legitimate transaction", 1: "a fraud"}
    rows = {name: _typical(drawn[drawn[schema.LABEL.name] == label]) for label, name in names.items()}
    artefacts.write_json(path, rows)


def _typical(rows: pd.DataFrame) -> dict[str, float]:
    """The row that is nearest to the median, each feature in units of its interquartile range."""
    features = rows[list(schema.FEATURES)].to_numpy(np.float64)
    low, median, high = np.quantile(features, (0.25, 0.5, 0.75), axis=0)
    typical = features[np.argmin(np.abs((features - median) / (high - low)).sum(axis=1))]
    # Six decimals are what a person can still read.
    return dict(zip(schema.FEATURES, typical.round(6).tolist(), strict=True))
