"""What a check on the data finds wrong, in the one form that both libraries' findings take."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from fraud.dataset.load import row_number, shown
from fraud.schema import Severity

# Rows and values that a violation shows of all that it counts.
SHOWN = 5


@dataclass(frozen=True)
class Violation:
    """A rule broken by `count` cells or, without `rows`, by a column or the file as a whole (`column` is None)."""

    column: str | None
    rule: str
    severity: Severity
    count: int
    message: str
    rows: tuple[int, ...] = ()
    values: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """What `validation.json` keeps."""
        return asdict(self)


def of_cells(
    column: "pd.Series[Any]", positions: Sequence[int], count: int, rule: str, severity: Severity, message: str
) -> Violation:
    """The violation of `rule` by `count` cells of a column, the first of them at `positions` (from 0)."""
    first = positions[:SHOWN]
    return Violation(
        column=str(column.name),
        rule=rule,
        severity=severity,
        count=count,
        message=message,
        rows=tuple(row_number(int(position)) for position in first),
        values=tuple(shown(column.iloc[position]) for position in first),
    )
