"""Bringing together what the contract and the suite found, each violation once."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from checks.data.violations import Violation, of_cells
from fraud.schema import Severity

if TYPE_CHECKING:
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult

_STRUCTURE = ("missing", "unknown", "order", "columns")


def merge(
    table: pd.DataFrame, contract: list[Violation], suite: "list[ExpectationValidationResult]"
) -> list[Violation]:
    """The violations of the contract, what the suite alone asks, and where the two disagree; errors first.

    A hard rule is asked by both. Where one library refuses a column by it and the other does not, one of them is
    wrong, and that is an error of its own: a gate that can't be trusted says no.
    """
    failed = [
        result
        for result in suite
        # Of a missing column, only the list of columns is asked.
        if not result.success and _column(result) in (None, *table.columns)
    ]
    by_contract = {_subject(violation.rule, violation.column) for violation in contract}
    by_suite = {_subject(_meta(result)["rule"], _column(result)) for result in failed if _meta(result)["hard"]}
    found = [
        *contract,
        *(_disputed(subject, "pandera") for subject in sorted(by_contract - by_suite)),
        *(_disputed(subject, "great-expectations") for subject in sorted(by_suite - by_contract)),
        *(
            _violation(table, result)
            for result in failed
            if not _meta(result)["hard"] and (_is_measured(result) or not by_contract & {_column(result), "rows"})
        ),
    ]
    return sorted(found, key=lambda violation: violation.severity is not Severity.ERROR)


def _subject(rule: str, column: str | None) -> str:
    """What a hard rule is about: a column, the list of columns, or the rows as such."""
    return "columns" if rule in _STRUCTURE else column or rule


def _disputed(subject: str, library: str) -> Violation:
    message = (
        f"only {library} refuses this: the checks themselves are at fault, compare contract.py and expectations.py"
    )
    return Violation(subject, "agreement", Severity.ERROR, 1, message)


def _violation(table: pd.DataFrame, result: "ExpectationValidationResult") -> Violation:
    """A finding that is the suite's own."""
    meta, column, details = _meta(result), _column(result), result.result
    severity = Severity.WARNING if _asked(result).severity == "warning" else Severity.ERROR
    if "unexpected_count" in details:
        positions, count = details["partial_unexpected_index_list"], details["unexpected_count"]
        return of_cells(table[column], positions, count, meta["rule"], severity, meta["message"])
    value = details.get("observed_value")
    values = () if value is None else (f"{value:.6g}",)
    return Violation(column, meta["rule"], severity, 1, meta["message"], values=values)


def _is_measured(result: "ExpectationValidationResult") -> bool:
    """Whether the suite could measure what it was to judge: it can't in a column of text or without rows."""
    return result.result.get("observed_value") is not None or "unexpected_count" in result.result


def _meta(result: "ExpectationValidationResult") -> dict[str, Any]:
    meta: dict[str, Any] = _asked(result).meta
    return meta


def _column(result: "ExpectationValidationResult") -> str | None:
    column: str | None = _asked(result).kwargs.get("column")
    return column


def _asked(result: "ExpectationValidationResult") -> Any:
    return result.expectation_config
