"""From the bytes of a body to rows of features: fast where all is well, thorough where it is not."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from io import BytesIO
from itertools import islice
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from fraud import schema
from fraud.api import body, model
from fraud.api.courtesy import ALONE, Courtesy
from fraud.api.problems import Refused


def _typed(ranges: Mapping[str, tuple[float, float]]) -> type[msgspec.Struct]:
    """A transaction whose values are all in these ranges, columns as in the schema."""
    return msgspec.defstruct(
        "_Transaction",
        [(name, Annotated[float, msgspec.Meta(ge=low, le=high)]) for name, (low, high) in ranges.items()],
        forbid_unknown_fields=True,
        frozen=True,
        gc=False,
    )


_Transaction = _typed(model.BOUNDS)
_one_or_many: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_Transaction | list[_Transaction])  # type: ignore[valid-type]
_one: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_Transaction)
_parts: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])
_values = msgspec.structs.astuple

# The second where a name that no feature has is not UTF-8: it can't be told. The third where lists are deeply nested.
_UNREAD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_QUOTES = 2 * len(schema.FEATURES)

# Values of a body that are parsed thoroughly, twice as many as any that is accepted has: each takes memory, an empty
# object fifty times what it takes in the body.
_MOST_VALUES = 2 * model.MOST_TRANSACTIONS * len(schema.FEATURES)


class OneUsual:
    """Reads one transaction whose values are all in narrower ranges; what is anything else, it leaves to `json`.

    Args:
        ranges: the lowest and the highest value of each feature, columns as in the schema.
    """

    def __init__(self, ranges: Mapping[str, tuple[float, float]]) -> None:
        self._decoder = msgspec.json.Decoder(_typed(ranges))

    def __call__(self, text: bytes) -> tuple[float, ...] | None:
        """Its 30 values, as `json` reads them; None where it is not such a transaction."""
        try:
            found: tuple[float, ...] = _values(self._decoder.decode(text))
        except _UNREAD:
            return None
        return found if _all_read(text, 1) else None


def json(text: bytes, courtesy: Courtesy = ALONE) -> tuple[NDArray[np.float64], bool]:
    """A transaction, or a list of them; returns shape (n, 30), columns as in the schema, and whether it is a list.

    Raises:
        Refused: 400 where it is no JSON, 422 where it is another; every fault by its JSON pointer.
    """
    rows = _in_pieces(text, _of_list, courtesy)
    if rows is not None:
        return rows, True
    try:
        found = _one_or_many.decode(text)
    except _UNREAD:
        pass
    else:
        many = isinstance(found, list)
        rows = _rows(text, found if many else [found])
        if rows is not None:
            return rows, many
    _refuse_excess(text)
    document = body.parse(text)
    return model.transactions(document), isinstance(document, list)


def lines(text: bytes, courtesy: Courtesy = ALONE) -> NDArray[np.float64]:
    """A transaction a line, blank lines left out; returns shape (n, 30).

    Raises:
        Refused: as `json`; a pointer begins with the number of the transaction, from 0.
    """
    rows = _in_pieces(text, _of_lines, courtesy)
    if rows is not None:
        return rows
    try:
        found = _one.decode_lines(text)
    except _UNREAD:
        found = None
    if found is not None and len(found) <= model.MOST_TRANSACTIONS and _one_a_line(text, len(found)):
        rows = _rows(text, found)
        if rows is not None:
            return rows
    _refuse_excess(text)
    documents: list[Any] = []
    for number, line in enumerate(BytesIO(text), 1):
        if not line.strip():
            continue
        if len(documents) == model.MOST_TRANSACTIONS:
            raise model.too_many(sum(1 for line in BytesIO(text) if line.strip()))
        documents.append(_line(number, line.removesuffix(b"\n")))
    return model.transactions(documents)


def _in_pieces(text: bytes, split: Callable[[bytes, int], list[Any]], courtesy: Courtesy) -> NDArray[np.float64] | None:
    """What is read at a stroke elsewhere, so that others come to their turn meanwhile: it takes a third longer.

    Args:
        split: the texts of so many transactions, or of another number where there are not so many.

    Returns:
        the rows; None where all is as well read at a stroke, or the fast parser can't read it.
    """
    if not courtesy.needed():
        return None
    count, rest = divmod(text.count(b'"'), _QUOTES)
    # With names left over, the fast parser would pass over something: see `_all_read`.
    if rest or not 0 < count <= model.MOST_TRANSACTIONS:
        return None
    try:
        texts = split(text, count)
        if len(texts) != count:
            return None
        rows = np.empty((count, len(schema.FEATURES)))
        for piece in courtesy.pieces(count):
            rows[piece] = [_values(_one.decode(each)) for each in texts[piece]]
    except _UNREAD:
        return None
    return rows


def _of_list(text: bytes, count: int) -> list[msgspec.Raw]:
    # Each takes memory, of which a body of nothing but commas would take many times its own.
    return _parts.decode(text) if text.count(b",") == count * len(schema.FEATURES) - 1 else []


def _of_lines(text: bytes, count: int) -> list[bytes]:
    return list(islice(filter(bytes.strip, BytesIO(text)), count + 1))


def _rows(text: bytes, found: list[Any]) -> NDArray[np.float64] | None:
    if not _all_read(text, len(found)) or len(found) > model.MOST_TRANSACTIONS:
        return None
    return np.array([_values(transaction) for transaction in found], np.float64).reshape(-1, len(schema.FEATURES))


def _all_read(text: bytes, transactions: int) -> bool:
    """Whether the fast parser passed over nothing: of two equal names it keeps the last, silently."""
    return text.count(b'"') == _QUOTES * transactions


def _one_a_line(text: bytes, transactions: int) -> bool:
    """Whether so many lines begin and end with one's braces: the fast parser lets one go on in the next line, or two
    stand in the same.
    """
    for line in map(bytes.strip, BytesIO(text)):
        if line:
            transactions -= 1
            if not (line.startswith(b"{") and line.endswith(b"}")):
                return False
    return transactions == 0


def _refuse_excess(text: bytes) -> None:
    # The commas in a string count, too, but no string is ever accepted.
    if text.count(b",") >= _MOST_VALUES:
        raise model.too_many_values()


def _line(number: int, line: bytes) -> Any:
    try:
        return body.parse(line)
    except Refused as refused:
        # The place is told within the line.
        raise Refused(HTTPStatus.BAD_REQUEST, f"Transaction line {number}: {refused.detail}") from None
