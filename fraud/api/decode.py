"""From the bytes of a body to rows of features: fast where all is well, thorough where it is not."""

from http import HTTPStatus
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from fraud import schema
from fraud.api import body, model
from fraud.api.problems import Refused

_Transaction = msgspec.defstruct(
    "_Transaction",
    [(name, Annotated[float, msgspec.Meta(ge=low, le=high)]) for name, (low, high) in model.BOUNDS.items()],
    forbid_unknown_fields=True,
    frozen=True,
    gc=False,
)
_one_or_many: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_Transaction | list[_Transaction])  # type: ignore[valid-type]
_lines: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_Transaction)
_values = msgspec.structs.astuple

# The second where a name that no feature has is not UTF-8: it can't be told.
_UNREAD = (msgspec.DecodeError, UnicodeDecodeError)

_QUOTES = 2 * len(schema.FEATURES)


def json(text: bytes) -> tuple[NDArray[np.float64], bool]:
    """A transaction, or a list of them; returns shape (n, 30), columns as in the schema, and whether it is a list.

    Raises:
        Refused: 400 where it is no JSON, 422 where it is another; every fault by its JSON pointer.
    """
    try:
        found = _one_or_many.decode(text)
    except _UNREAD:
        pass
    else:
        many = isinstance(found, list)
        rows = _rows(text, found if many else [found])
        if rows is not None:
            return rows, many
    document = body.parse(text)
    return model.transactions(document), isinstance(document, list)


def lines(text: bytes) -> NDArray[np.float64]:
    """A transaction a line, blank lines left out; returns shape (n, 30).

    Raises:
        Refused: as `json`; a pointer begins with the number of the transaction, from 0.
    """
    try:
        rows = _rows(text, _lines.decode_lines(text))
    except _UNREAD:
        rows = None
    if rows is not None:
        return rows
    return model.transactions([_line(number, line) for number, line in enumerate(text.split(b"\n"), 1) if line.strip()])


def _rows(text: bytes, found: list[Any]) -> NDArray[np.float64] | None:
    """`None` where the fast parser may have passed over something: of two equal names it keeps the last, silently."""
    if text.count(b'"') != _QUOTES * len(found) or len(found) > model.MOST_TRANSACTIONS:
        return None
    return np.array([_values(transaction) for transaction in found], np.float64).reshape(-1, len(schema.FEATURES))


def _line(number: int, line: bytes) -> Any:
    try:
        return body.parse(line)
    except Refused as refused:
        # The place is told within the line.
        raise Refused(HTTPStatus.BAD_REQUEST, f"Transaction line {number}: {refused.detail}") from None
