"""The contract that refuses: a pandera schema built from `fraud/schema.py`, judged cell by cell."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaError, SchemaErrorReason, SchemaErrors

from checks.data.violations import SHOWN, Violation, of_cells
from fraud import schema
from fraud.dataset.load import numbers
from fraud.schema import Severity

LABELS = (0, 1)

_STRUCTURE = {
    SchemaErrorReason.COLUMN_NOT_IN_DATAFRAME: ("missing", "add this column"),
    SchemaErrorReason.COLUMN_NOT_IN_SCHEMA: ("unknown", "remove this column"),
    SchemaErrorReason.COLUMN_NOT_ORDERED: ("order", "move this column to its place"),
}


def contract() -> pa.DataFrameSchema:
    """Exactly the 31 columns in their order, each cell a finite number in the ranges that refuse a file."""
    return pa.DataFrameSchema(
        {column.name: pa.Column(checks=_checks(column), nullable=True) for column in schema.ALL_COLUMNS},
        checks=[pa.Check(lambda table: len(table) > 0, name="rows", error="add transactions: the file holds none")],
        strict=True,
        ordered=True,
        unique_column_names=True,
    )


def violations(table: pd.DataFrame) -> list[Violation]:
    """Judge a table, as `read_table` returns it, against the contract; every violation at once."""
    try:
        contract().validate(table, lazy=True, inplace=True)
    except SchemaErrors as refusal:
        return [_violation(error, table) for error in refusal.schema_errors]
    return []


def _checks(column: schema.Column) -> list[pa.Check]:
    """The rules of one column. A cell that breaks one of the first two is left to it by the others."""
    checks = [
        _check("null", _is_given, "fill in the empty cells or leave out their rows"),
        _check("number", _is_number, "write a number with a decimal point, and nothing else, in each cell"),
    ]
    if column.kind == "label":
        return [
            *checks,
            _check("label", _is_label, "write 1 for a fraud and 0 for a legitimate transaction"),
            pa.Check(_has_both, name="classes", error="both classes are needed: rows of 0 and rows of 1"),
        ]
    return [
        *checks,
        _check("finite", _is_finite, "write finite numbers"),
        *(
            _check("range", partial(_is_within, low=bounds.low, high=bounds.high), mend(bounds))
            for bounds in column.ranges
            if bounds.file is Severity.ERROR
        ),
    ]


def mend(bounds: schema.Range) -> str:
    """What a range asks for, with its reason."""
    limits = [f"at least {bounds.low:g}"] if bounds.low is not None else []
    limits += [f"at most {bounds.high:g}"] if bounds.high is not None else []
    return f"{' and '.join(limits)}: {bounds.reason}"


def _check(rule: str, test: Callable[["pd.Series[Any]"], "pd.Series[bool]"], message: str) -> pa.Check:
    # pandera lists every failing cell unless told otherwise: gigabytes, where a whole file is wrong.
    return pa.Check(test, name=rule, error=message, ignore_na=False, n_failure_cases=SHOWN)


def _is_given(column: "pd.Series[Any]") -> "pd.Series[bool]":
    return column.notna()


def _is_number(column: "pd.Series[Any]") -> "pd.Series[bool]":
    return numbers(column).notna() | column.isna()


def _is_finite(column: "pd.Series[Any]") -> "pd.Series[bool]":
    return ~numbers(column).isin((np.inf, -np.inf))


def _is_within(column: "pd.Series[Any]", low: float | None, high: float | None) -> "pd.Series[bool]":
    cells = numbers(column)
    return ~((cells < (-np.inf if low is None else low)) | (cells > (np.inf if high is None else high)))


def _is_label(column: "pd.Series[Any]") -> "pd.Series[bool]":
    cells = numbers(column)
    return cells.isin(LABELS) | cells.isna()


def _has_both(column: "pd.Series[Any]") -> bool:
    return set(LABELS) <= set(numbers(column).unique())


def _violation(error: SchemaError, table: pd.DataFrame) -> Violation:
    if error.reason_code in _STRUCTURE:
        rule, message = _STRUCTURE[error.reason_code]
        name = str(error.failure_cases)
        if name in schema.COLUMNS:
            message += f", number {schema.COLUMNS.index(name) + 1} of {len(schema.COLUMNS)}"
        return Violation(name, rule, Severity.ERROR, 1, message)
    if error.reason_code is not SchemaErrorReason.DATAFRAME_CHECK:
        raise error
    rule, message = error.check.name, error.check.error
    if not isinstance(error.check_output, pd.Series):
        column = error.schema.name
        return Violation(column, rule, Severity.ERROR, 1, message)
    positions = np.flatnonzero(~error.check_output.to_numpy(dtype=bool)).tolist()
    return of_cells(table[error.schema.name], positions, len(positions), rule, Severity.ERROR, message)
