"""The one definition of a transaction: its columns, their units, ranges and meaning.

The pandera contract, the great-expectations suite and the datasheet derive from `ALL_COLUMNS`, the API's request
model and its OpenAPI document from `FEATURE_COLUMNS`; nothing else in the project lists a column.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Severity(StrEnum):
    """What a value outside a range leads to: an error refuses it, a warning is told and lets it pass."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Range:
    """An inclusive range of values, `None` for an open end, with a severity for each door that a value comes in by."""

    low: float | None
    high: float | None
    file: Severity
    request: Severity
    reason: str


@dataclass(frozen=True)
class Column:
    """One column: `kind` "float" is any finite number, "label" is 0 or 1."""

    name: str
    kind: Literal["float", "label"]
    unit: str
    meaning: str
    ranges: tuple[Range, ...] = ()


SECONDS_PER_DAY = 86_400

TIME = Column(
    "Time",
    "float",
    "seconds",
    "Seconds between this transaction and the first one of its file.",
    (
        Range(0, None, Severity.ERROR, Severity.WARNING, "time is counted from the first row of a file"),
        Range(None, 2 * SECONDS_PER_DAY, Severity.WARNING, Severity.WARNING, "the published data cover two days"),
    ),
)

# The widest component of the published data is V7, from -43.6 to 120.6.
_COMPONENT_RANGE = Range(
    -150, 150, Severity.WARNING, Severity.WARNING, "no component of the published data lies beyond ±121"
)

COMPONENTS = tuple(
    Column(
        f"V{i}",
        "float",
        "none",
        f"Principal component {i} of 28 of confidential features: mean 0 over the published data.",
        (_COMPONENT_RANGE,),
    )
    for i in range(1, 29)
)

AMOUNT = Column(
    "Amount",
    "float",
    "euros",
    "The amount of the transaction.",
    (
        Range(0, None, Severity.ERROR, Severity.ERROR, "an amount is never negative"),
        Range(None, 30_000, Severity.WARNING, Severity.WARNING, "the largest published amount is 25,691.16"),
    ),
)

LABEL = Column("Class", "label", "none", "1 where the transaction was a fraud, 0 where it was legitimate.")

FEATURE_COLUMNS = (TIME, *COMPONENTS, AMOUNT)
ALL_COLUMNS = (*FEATURE_COLUMNS, LABEL)
COLUMNS_BY_NAME = {column.name: column for column in ALL_COLUMNS}

FEATURES = tuple(column.name for column in FEATURE_COLUMNS)
COLUMNS = tuple(column.name for column in ALL_COLUMNS)
