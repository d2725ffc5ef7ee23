"""From an Arrow IPC stream to rows of features."""

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from http import HTTPStatus

import numpy as np
from flatbuffers import number_types
from flatbuffers.table import Table
from numpy.typing import NDArray

from fraud import schema
from fraud.api import arrow_messages, model
from fraud.api.problems import Fault, Refused

# Where fields stand in their tables, by Arrow's Schema.fbs.
_BIG_ENDIAN, _FIELDS = 4, 6  # `Schema`
_NAME, _KIND, _TYPE, _DICTIONARY = 4, 8, 10, 12  # `Field`
_BITS, _SIGNED = 4, 6  # `Int`
_PRECISION = 4  # `FloatingPoint`

_INTEGER, _FLOAT = 2, 3
_INTEGERS = {8: "1", 16: "2", 32: "4", 64: "8"}
_FLOATS = {0: "<f2", 1: "<f4", 2: "<f8"}

_MOST_COLUMNS = 1_000
# Bytes: more than any feature's, and than what is told of another one.
_LONGEST_NAME = 256

_LOW, _HIGH = np.array([model.BOUNDS[name] for name in schema.FEATURES]).T

# Its name, and the type of its numbers; `None` where it is of another one.
_Column = tuple[str, str | None]


def rows(stream: bytes) -> NDArray[np.float64]:
    """A column of numbers for each feature, by name and in any order; returns shape (n, 30), columns as in the schema.

    Raises:
        Refused: 400 where it is no stream, 422 where it is another; every fault by its JSON pointer, `/row/column`.
    """
    try:
        values, absent = _read(stream)
    except arrow_messages.BROKEN:
        raise arrow_messages.malformed("a part of it leads out of it") from None
    if ((values >= _LOW) & (values <= _HIGH)).all():
        return values
    entries = np.where(absent, None, values).tolist()  # type: ignore[call-overload]
    return model.transactions([dict(zip(schema.FEATURES, entry, strict=True)) for entry in entries])


def _read(stream: bytes) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The features, and where they are null; both of shape (n, 30)."""
    messages = arrow_messages.read(stream)
    header, _ = next(messages)
    columns = _columns(bytes(header.Bytes), header.Pos)
    blocks = [(np.empty((0, len(columns))), np.empty((0, len(columns)), np.bool_))]
    total = 0
    for batch, body in messages:
        count = batch.GetSlot(arrow_messages.ROWS, 0, number_types.Int64Flags)
        total += count
        if total > model.MOST_TRANSACTIONS:
            raise model.too_many(total)
        if batch.Offset(arrow_messages.COMPRESSION):
            # It unfolds to any size.
            raise arrow_messages.other("The record batches are compressed: write them without compression.")
        if count:
            blocks.append(_block(batch, body, count, columns))
    values, absent = zip(*blocks, strict=True)
    return np.concatenate(values), np.concatenate(absent)


# A caller's streams have the same schema, and to read it takes as long as to read 1,000 rows.
@lru_cache(maxsize=8)
def _columns(metadata: bytes, place: int) -> list[tuple[int, str]]:
    """For each feature where its column stands, and the type of its numbers."""
    header = Table(metadata, place)
    if header.GetSlot(_BIG_ENDIAN, 0, number_types.Int16Flags):
        raise arrow_messages.other("The stream is big-endian: write it little-endian.")
    start, count = arrow_messages.vector(header, _FIELDS)
    if count > _MOST_COLUMNS:
        raise arrow_messages.other(f"{count:,} columns are too many: send the {len(schema.FEATURES)} features.")
    columns = [_column(Table(header.Bytes, header.Indirect(start + 4 * i))) for i in range(count)]
    faults = list(_faults(columns))
    if faults:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "The columns are not the features.", faults)
    places = {name: (place, numbers) for place, (name, numbers) in enumerate(columns) if numbers is not None}
    return [places[name] for name in schema.FEATURES]


def _column(field: Table) -> _Column:
    start, length = arrow_messages.vector(field, _NAME)
    name = bytes(field.Bytes[start : start + min(length, _LONGEST_NAME)]).decode(errors="replace")
    kind = field.GetSlot(_KIND, 0, number_types.Uint8Flags)
    if field.Offset(_DICTIONARY) or kind not in (_INTEGER, _FLOAT):
        return name, None
    numbers = arrow_messages.table(field, _TYPE)
    if kind == _FLOAT:
        return name, _FLOATS.get(numbers.GetSlot(_PRECISION, 0, number_types.Int16Flags))
    sign = "i" if numbers.GetSlot(_SIGNED, 0, number_types.Uint8Flags) else "u"
    return name, f"<{sign}{_INTEGERS[numbers.GetSlot(_BITS, 0, number_types.Int32Flags)]}"


def _faults(columns: list[_Column]) -> Iterator[Fault]:
    times = Counter(name for name, _ in columns)
    for name in schema.FEATURES:
        if name not in times:
            yield Fault(f"/{name}", None, f"add it: a column of numbers, unit {schema.COLUMNS_BY_NAME[name].unit}")
    for name, numbers in columns:
        if name not in model.BOUNDS:
            yield Fault(model.pointer("", name), None, "remove it: a transaction has no such feature")
        elif times[name] > 1:
            yield Fault(f"/{name}", None, "give it once")
        elif numbers is None:
            yield Fault(f"/{name}", None, "give it as floats or integers, not by a dictionary")


def _block(
    batch: Table, body: memoryview, count: int, columns: list[tuple[int, str]]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The features of `count` rows, and where they are null."""
    values, absent = np.empty((count, len(columns))), np.zeros((count, len(columns)), np.bool_)
    # Each column has a node, its length and its nulls, and two buffers, each an offset and a size: of bits that tell
    # what is no null, left out where there is none, and of its numbers.
    nodes, buffers = _pairs(batch, arrow_messages.NODES), _pairs(batch, arrow_messages.BUFFERS)
    if any(length != count for length, _ in nodes) or any(offset < 0 or size < 0 for offset, size in buffers):
        raise ValueError("lengths that differ, or a place before the beginning")
    with np.errstate(invalid="ignore"):  # a signalling NaN is refused like any other
        for feature, (place, numbers) in enumerate(columns):
            (bits_at, bits_size), (at, size) = buffers[2 * place : 2 * place + 2]
            values[:, feature] = np.frombuffer(body[at : at + size], numbers, count)
            if nodes[place][1] or bits_size:
                bits = np.frombuffer(body[bits_at : bits_at + bits_size], np.uint8, (count + 7) // 8)
                absent[:, feature] = np.unpackbits(bits, count=count, bitorder="little") == 0
    values[absent] = np.nan
    return values, absent


def _pairs(batch: Table, field: int) -> list[list[int]]:
    start, length = arrow_messages.vector(batch, field)
    pairs: list[list[int]] = np.frombuffer(batch.Bytes, "<i8", 2 * length, start).reshape(-1, 2).tolist()
    return pairs
