"""The suite that judges and documents: great-expectations, built from `fraud/schema.py`, with its HTML data docs.

The hard rules of the contract are asked here a second time, so that neither library can be wrong alone; what only
this suite knows are the plausible ranges, the share of fraud and the distribution of the components.
"""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from checks.data.contract import LABELS, mend
from checks.data.violations import SHOWN
from checks.thresholds import DataLimits
from fraud import artefacts, schema
from fraud.schema import Severity

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult
    from great_expectations.data_context.data_context.abstract_data_context import AbstractDataContext
    from great_expectations.expectations.expectation import Expectation

_NAME = "transactions"
_NUMERIC = [f"{kind}{bits}" for kind in ("int", "uint", "float") for bits in (8, 16, 32, 64)]
# Where the pages fetch their logo, with a time stamp and an id in the query.
_BEACON = re.compile(r"https://great-expectations-web-assets\.[^'\"\s]*")


def validate(table: pd.DataFrame, limits: DataLimits, docs: Path | None) -> "list[ExpectationValidationResult]":
    """Hold a table, as `read_table` returns it, against the suite.

    Args:
        table: any columns, index counting from 0.
        limits: bounds on the share and the number of frauds, and on the medians of the components.
        docs: a folder to write the HTML data docs to; without it nothing is written.
    """
    # Before the import: versions that send usage statistics read it there.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
    rows = context.data_sources.add_pandas(_NAME).add_dataframe_asset(_NAME).add_batch_definition_whole_dataframe("all")
    definition = context.validation_definitions.add(
        gx.ValidationDefinition(name=_NAME, data=rows, suite=context.suites.add(suite(limits)))
    )
    results = definition.run(
        batch_parameters={"dataframe": table},
        # The least that tells the positions of the first failing rows.
        result_format={"result_format": "SUMMARY", "partial_unexpected_count": SHOWN},
    ).results
    if docs is not None:
        with artefacts.replacing(docs) as folder:
            _write_docs(context, folder.absolute())
    return results


def suite(limits: DataLimits) -> "ExpectationSuite":
    """The expectations; the `meta` of each holds the rule, what to mend, and whether the contract asks it, too."""
    import great_expectations as gx

    gxe = _library()
    expectations: list[Expectation] = [
        gxe.ExpectTableColumnsToMatchOrderedList(column_list=list(schema.COLUMNS), meta=_hard("columns")),
        gxe.ExpectTableRowCountToBeBetween(min_value=1, meta=_hard("rows")),
    ]
    for column in schema.ALL_COLUMNS:
        expectations += [
            gxe.ExpectColumnValuesToNotBeNull(column=column.name, meta=_hard("null")),
            gxe.ExpectColumnValuesToBeInTypeList(column=column.name, type_list=_NUMERIC, meta=_hard("number")),
            *(_of_label(limits) if column.kind == "label" else _of_feature(column, limits)),
        ]
    return gx.ExpectationSuite(name=_NAME, expectations=expectations)


def _of_feature(column: schema.Column, limits: DataLimits) -> "Iterator[Expectation]":
    gxe = _library()
    # The suite has no expectation of its own for "finite".
    yield gxe.ExpectColumnValuesToBeBetween(
        column=column.name, min_value=-sys.float_info.max, max_value=sys.float_info.max, meta=_hard("finite")
    )
    for bounds in column.ranges:
        refused = bounds.file is Severity.ERROR
        yield gxe.ExpectColumnValuesToBeBetween(
            column=column.name,
            min_value=bounds.low,
            max_value=bounds.high,
            severity="critical" if refused else "warning",
            meta=_hard("range") if refused else _soft("range", f"check these values; plausible is {mend(bounds)}"),
        )
    if column in schema.COMPONENTS:
        yield gxe.ExpectColumnMedianToBeBetween(
            column=column.name,
            min_value=-limits.max_component_median,
            max_value=limits.max_component_median,
            severity="warning",
            meta=_soft(
                "distribution",
                "check that this column holds what its name says: its median is beyond "
                f"±{limits.max_component_median:g} (thresholds.toml)",
            ),
        )


def _of_label(limits: DataLimits) -> "Iterator[Expectation]":
    gxe = _library()
    label = schema.LABEL.name
    low, high = limits.min_fraud_share, limits.max_fraud_share
    yield gxe.ExpectColumnValuesToBeInSet(column=label, value_set=list(LABELS), meta=_hard("label"))
    yield gxe.ExpectColumnDistinctValuesToContainSet(column=label, value_set=list(LABELS), meta=_hard("classes"))
    yield gxe.ExpectColumnMeanToBeBetween(
        column=label,
        min_value=low,
        max_value=high,
        meta=_soft(
            "fraud share", f"check the labels: the share of fraud must lie from {low:g} to {high:g} (thresholds.toml)"
        ),
    )
    yield gxe.ExpectColumnSumToBeBetween(
        column=label,
        min_value=limits.min_frauds,
        meta=_soft("frauds", f"give more rows: at least {limits.min_frauds} frauds are needed (thresholds.toml)"),
    )


def _library() -> Any:
    """The library's expectations, which it doesn't export in a way that type checkers accept."""
    from great_expectations import expectations

    return expectations


def _hard(rule: str) -> dict[str, Any]:
    return {"rule": rule, "hard": True, "message": ""}


def _soft(rule: str, message: str) -> dict[str, Any]:
    return {"rule": rule, "hard": False, "message": message}


def _write_docs(context: "AbstractDataContext", folder: Path) -> None:
    """Write the data docs; their styles come from public servers, the logo, whose address counts views, does not."""
    site: Any = {
        "class_name": "SiteBuilder",
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "show_how_to_buttons": False,
    }
    context.add_data_docs_site(_NAME, site)
    context.build_data_docs(site_names=[_NAME])
    for page in folder.rglob("*.html"):
        logo = "../" * (len(page.relative_to(folder).parts) - 1) + "static/images/logo-long.png"
        page.write_text(_BEACON.sub(logo, page.read_text(encoding="utf-8")), encoding="utf-8")
