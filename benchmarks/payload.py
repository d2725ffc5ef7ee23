"""What the servers are asked, and the forest that the blog post's API answers with."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks import blog_api, wrk
from benchmarks.wrk import Bodies
from fraud import schema
from fraud.api.predict import ARROW, JSON
from fraud.errors import UsageError
from fraud.terminal import say

BATCH = 1_000

_ROWS = 10_000
# On how many rows a forest was fitted hardly matters to the time that its answer takes.
_FOREST_ROWS = 30_000


@dataclass(frozen=True)
class Payload:
    """What is sent: single transactions, and batches by format, of the rows of `arrays`, each of shape (1000, 30)."""

    single: Bodies
    batches: Mapping[str, Bodies]
    arrays: list[NDArray[np.float64]]


def drawn(frame: pd.DataFrame, prevalence: float | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Distinct rows to send and others to fit the forest on, both with the share of frauds that production has.

    Args:
        frame: as `load` returns it.
        prevalence: that share; None: as in `frame`.

    Raises:
        UsageError: there are too few.
    """
    distinct = frame.drop_duplicates(list(schema.FEATURES)).sample(frac=1, random_state=0)
    fraud = distinct[schema.LABEL.name] == 1
    share = fraud.mean() if prevalence is None else prevalence
    sent = min(_ROWS, len(distinct) // 2 // BATCH * BATCH)
    if sent == 0:
        raise UsageError(f"{len(distinct):,} distinct transactions are too few: give at least {2 * BATCH:,}")
    both = []
    for rows in (sent, min(_FOREST_ROWS, len(distinct) - sent)):
        frauds, legitimate = (
            distinct[fraud].iloc[: round(rows * share)],
            distinct[~fraud].iloc[: round(rows * (1 - share))],
        )
        both.append(pd.concat([frauds, legitimate]).sample(frac=1, random_state=0))
        distinct, fraud = distinct.drop(both[-1].index), fraud.drop(both[-1].index)
    return both[0], both[1]


def write(sent: pd.DataFrame, folder: Path) -> Payload:
    """Write the bodies of the rows drawn to files of the folder, in their order."""
    features = sent[list(schema.FEATURES)]
    singles = [json.dumps(row).encode() for row in features.to_dict("records")]
    starts = range(0, len(singles) - BATCH + 1, BATCH)
    lists = [b"[" + b",".join(singles[start : start + BATCH]) + b"]" for start in starts]
    streams = [stream(features.iloc[start : start + BATCH]) for start in starts]
    return Payload(
        wrk.write(folder / "singles", singles, JSON),
        {
            "json": wrk.write(folder / "lists", lists, JSON),
            "arrow": wrk.write(folder / "streams", streams, ARROW),
        },
        [features.to_numpy()[start : start + BATCH] for start in starts],
    )


def stream(rows: pd.DataFrame) -> bytes:
    """An Arrow IPC stream of them."""
    table = pa.Table.from_pandas(rows, preserve_index=False)
    written = BytesIO()
    with pa.ipc.new_stream(written, table.schema) as writer:
        writer.write_table(table)
    return written.getvalue()


def forest(fitted: pd.DataFrame, folder: Path) -> Path:
    """Fit the forest and pickle it in the folder; returns where it lies."""
    say("fitting the blog post's forest …")
    blog_api.train(fitted, str(folder / "forest.pickle"))
    return folder / "forest.pickle"
