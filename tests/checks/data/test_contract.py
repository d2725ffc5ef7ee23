"""The contract names every violation at once, with counts, rows and values, and says no more than it must."""

import numpy as np
import pandas as pd
import pytest

from checks.data import contract
from checks.data.violations import SHOWN
from fraud import schema


def found(table: pd.DataFrame) -> dict[tuple[str | None, str], int]:
    return {(violation.column, violation.rule): violation.count for violation in contract.violations(table)}


def test_a_valid_table_breaks_no_rule(transactions: pd.DataFrame) -> None:
    assert contract.violations(transactions) == []


def test_every_violation_is_told_at_once(transactions: pd.DataFrame) -> None:
    table = transactions.astype({"V2": object, "Class": float})
    table.loc[3:9, "V1"] = np.nan
    table.loc[4, "V2"] = "abc"
    table.loc[[5, 6], "V3"] = [np.inf, -np.inf]
    table.loc[7, "Amount"] = -0.01
    table.loc[8, "Class"] = 2
    table["V2"] = table["V2"].astype(str)
    table = table.drop(columns="V9").assign(country="BE")
    assert found(table) == {
        ("V1", "null"): 7,
        ("V2", "number"): 1,
        ("V3", "finite"): 2,
        ("Amount", "range"): 1,
        ("Class", "label"): 1,
        ("V9", "missing"): 1,
        ("country", "unknown"): 1,
    }


def test_a_violation_shows_the_first_rows_and_values_of_all_that_it_counts(transactions: pd.DataFrame) -> None:
    transactions.loc[10:29, "Amount"] = -1.0 - np.arange(20)
    (violation,) = contract.violations(transactions)
    assert violation.count == 20
    assert violation.rows == (12, 13, 14, 15, 16)
    assert violation.values == ("-1.0", "-2.0", "-3.0", "-4.0", "-5.0")
    assert len(violation.rows) == SHOWN
    assert violation.record()["severity"] == "error"


@pytest.mark.parametrize(
    "column", [column for column in schema.FEATURE_COLUMNS if column.ranges], ids=lambda column: column.name
)
def test_every_range_refuses_or_passes_by_its_severity_for_a_file(
    transactions: pd.DataFrame, column: schema.Column
) -> None:
    for bounds in column.ranges:
        for limit, outside in ((bounds.low, -np.inf), (bounds.high, np.inf)):
            if limit is None:
                continue
            table = transactions.copy()
            table.loc[2, column.name] = limit
            assert found(table) == {}
            table.loc[2, column.name] = np.nextafter(limit, outside)
            wanted = {(column.name, "range"): 1} if bounds.file is schema.Severity.ERROR else {}
            assert found(table) == wanted
