"""`python -m checks data`: both libraries judge a file, and every violation is told at once."""

import json
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

from checks import thresholds
from checks.data import contract, expectations
from checks.data.findings import merge
from checks.thresholds import DataLimits
from fraud import artefacts, schema
from fraud.dataset import source
from fraud.dataset.load import ROW_CONVENTION, numbers, read_table
from fraud.schema import Severity
from fraud.settings import Settings
from fraud.terminal import table as drawn

_LIBRARIES = ("pandera", "great-expectations", "pandas", "pyarrow")


def run(settings: Settings, path: Path | None = None, as_json: bool = False) -> int:
    """Judge the data of this run and write `validation.json` and the data docs; with a `path`, judge that file only.

    Returns:
        0 where the data may be used, 1 where an error refuses them; warnings refuse nothing.

    Raises:
        UsageError: there is no record of this data, the file has changed since, or it can't be read as a table.
    """
    record = None if path is not None else source.recorded(settings)
    limits = thresholds.read().data
    if record is None:
        document = judge(read_table(Path(str(path))), limits)
    else:
        document = judge(read_table(Path(record["path"])), limits, settings.build / "validation")
        document["data"] = record
        artefacts.write_json(settings.build / "validation.json", document)
    print(json.dumps(document, indent=1, ensure_ascii=False) if as_json else _told(document, path))
    return 0 if document["verdict"] == "pass" else 1


def judge(table: pd.DataFrame, limits: DataLimits, docs: Path | None = None) -> dict[str, Any]:
    """Judge a table as `read_table` returns it; the keys of the result are documented in `build/README.md`.

    Args:
        table: any columns, index counting from 0.
        limits: bounds on the share and the number of frauds.
        docs: a folder for the HTML data docs; without it nothing is written.
    """
    violations = merge(table, contract.violations(table), expectations.validate(table, limits, docs))
    refused = any(violation.severity is Severity.ERROR for violation in violations)
    label = schema.LABEL.name
    fraud = numbers(table[label]) == 1 if label in table else pd.Series(False, index=table.index)
    repeated = table.duplicated()
    return {
        "verdict": "fail" if refused else "pass",
        "rows": len(table),
        "columns": [str(name) for name in table.columns],
        "frauds": int(fraud.sum()),
        "fraud_share": float(fraud.mean()) if len(table) else 0.0,
        # Rows that repeat an earlier one: a row that occurs three times counts twice.
        "duplicates": {"rows": int(repeated.sum()), "frauds": int((repeated & fraud).sum())},
        "violations": [violation.record() for violation in violations],
        "row_convention": ROW_CONVENTION,
        "versions": {library: metadata.version(library) for library in _LIBRARIES},
        "data": None,
    }


def _told(document: dict[str, Any], path: Path | None) -> str:
    """The document as a person reads it: what the data is, what is wrong, the verdict."""
    record, twice = document["data"], document["duplicates"]
    synthetic = " (the SYNTHETIC twin)" if record and record["source"] == "twin" else ""
    lines = [
        f"{path or record['path']}{synthetic}: {document['rows']:,} rows, {document['frauds']:,} frauds "
        f"({document['fraud_share']:.4%}), {twice['rows']:,} rows repeat an earlier one ({twice['frauds']:,} frauds)"
    ]
    violations = document["violations"]
    if violations:
        columns = ("column", "rule", "severity", "count", "rows", "values", "what to do")
        lines += [drawn("violations", columns, [_row(violation) for violation in violations]), ROW_CONVENTION]
    errors = sum(violation["severity"] == Severity.ERROR for violation in violations)
    lines.append(f"data: {document['verdict']}, errors: {errors}, warnings: {len(violations) - errors}")
    return "\n".join(lines)


def _row(violation: dict[str, Any]) -> tuple[str, ...]:
    more = ["…"] if violation["count"] > len(violation["rows"]) > 0 else []
    return (
        violation["column"] or "(all)",
        violation["rule"],
        violation["severity"],
        f"{violation['count']:,}",
        ", ".join([*map(str, violation["rows"]), *more]),
        ", ".join([*violation["values"], *more]),
        violation["message"],
    )
