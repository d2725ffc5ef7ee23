"""The request model, made from the schema, and what it says about a body that doesn't fit it."""

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from itertools import islice
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic_core import ErrorDetails

from fraud import schema
from fraud.api.body import Object, shortened
from fraud.api.problems import Fault, Refused

MOST_TRANSACTIONS = 10_000

# Enough for every fault of a transaction; a body of nothing but unknown fields gets no answer longer than this.
MOST_FAULTS = 1_000

_LONGEST_NAME = 60
# A model multiplies and adds in float32, which ends at 3.4e38: sums and squares of numbers up to this stay finite.
LARGEST = 1e15


def _bounds(column: schema.Column) -> tuple[float, float]:
    """Of the ranges that refuse a request, and of what a model can calculate with."""
    refusing = [limit for limit in column.ranges if limit.request is schema.Severity.ERROR]
    low = max([-LARGEST, *(limit.low for limit in refusing if limit.low is not None)])
    high = min([LARGEST, *(limit.high for limit in refusing if limit.high is not None)])
    return low, high


BOUNDS = {column.name: _bounds(column) for column in schema.FEATURE_COLUMNS}


def _field(column: schema.Column) -> tuple[type[float], Any]:
    low, high = BOUNDS[column.name]
    return float, Field(ge=low, le=high, description=f"{column.meaning} Unit: {column.unit}.")


_FIELDS: dict[str, Any] = {column.name: _field(column) for column in schema.FEATURE_COLUMNS}

Transaction: type[BaseModel] = create_model(
    "Transaction", __config__=ConfigDict(strict=True, extra="forbid", allow_inf_nan=False), **_FIELDS
)

_values = attrgetter(*schema.FEATURES)


def transactions(document: object) -> NDArray[np.float64]:
    """Check parsed JSON, one transaction or a list of them; returns shape (n, 30), columns as in the schema.

    Raises:
        Refused: 422, with every fault by its JSON pointer.
    """
    many = isinstance(document, list)
    entries = document if isinstance(document, list) else [document]
    if len(entries) > MOST_TRANSACTIONS:
        raise too_many(len(entries))
    rows: list[tuple[float, ...]] = []
    faults: list[Fault] = []
    for index, entry in enumerate(entries):
        base = f"/{index}" if many else ""
        try:
            rows.append(_values(Transaction.model_validate(_known(entry))))
        except ValidationError as error:
            faults.extend(_faults(error, base))
        if isinstance(entry, Object):
            faults.extend(islice(_name_faults(entry, base), MOST_FAULTS + 1))
        if len(faults) > MOST_FAULTS:
            named = f"More than {MOST_FAULTS:,} faults, the first {MOST_FAULTS:,} of which are named"
            raise _refusal(f"{named}.", faults[:MOST_FAULTS])
    if faults:
        raise _refusal("1 fault." if len(faults) == 1 else f"{len(faults)} faults, each of which is named.", faults)
    return np.array(rows, np.float64).reshape(-1, len(schema.FEATURES))


def too_many(count: int) -> Refused:
    """The refusal of so many transactions."""
    return _refusal(f"{count:,} transactions are too many: send at most {MOST_TRANSACTIONS:,} at once.")


def too_many_values() -> Refused:
    """The refusal of a body with more values than are looked at one by one."""
    return _refusal(f"The body holds far too many values: send at most {MOST_TRANSACTIONS:,} transactions at once.")


def pointer(base: str, name: str) -> str:
    """The JSON pointer to `name` in what `base` points to, shortened where somebody made it long."""
    escaped = name[:_LONGEST_NAME].replace("~", "~0").replace("/", "~1")
    return f"{base}/{escaped}{'…' if len(name) > _LONGEST_NAME else ''}"


def _known(entry: object) -> object:
    """The features alone: other names are told apart by name, and pydantic stumbles over some of those."""
    return {name: entry[name] for name in schema.FEATURES if name in entry} if isinstance(entry, Object) else entry


def _faults(error: ValidationError, base: str) -> Iterator[Fault]:
    for found in error.errors(include_url=False):
        where = base + "".join(f"/{part}" for part in found["loc"])
        value = None if found["type"] == "missing" else shortened(found["input"])
        yield Fault(where, value, _mend(found))


def _name_faults(entry: Object, base: str) -> Iterator[Fault]:
    for name in entry:
        if name not in _FIELDS:
            yield Fault(pointer(base, name), shortened(entry[name]), "remove it: a transaction has no such feature")
    for name in entry.doubled:
        yield Fault(pointer(base, name), shortened(entry[name]), "give it once")


def _mend(found: ErrorDetails) -> str:
    context = found.get("ctx", {})
    match found["type"]:
        case "missing":
            return f"add it: a number, unit {schema.COLUMNS_BY_NAME[str(found['loc'][-1])].unit}"
        case "finite_number":
            return "give a finite number"
        case "greater_than_equal":
            return f"give at least {context['ge']:g}{_because(found, context['ge'])}"
        case "less_than_equal":
            return f"give at most {context['le']:g}{_because(found, context['le'])}"
        case "float_type":
            return "give a number, without quotes" if isinstance(found["input"], str) else "give a number"
    return f"give an object of the {len(schema.FEATURES)} features"


def _because(found: ErrorDetails, limit: float) -> str:
    ranges = schema.COLUMNS_BY_NAME[str(found["loc"][-1])].ranges
    return next((f": {known.reason}" for known in ranges if limit in (known.low, known.high)), "")


def _refusal(detail: str, faults: Sequence[Fault] = ()) -> Refused:
    return Refused(HTTPStatus.UNPROCESSABLE_ENTITY, detail, faults)
