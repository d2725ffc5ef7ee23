"""The messages of an Arrow IPC stream (https://arrow.apache.org/docs/format/Columnar.html).

Read here and in `arrow_decode`, in Python that checks each bound: readers in C crash on what a stranger may send.
"""

import struct
from collections.abc import Iterator
from http import HTTPStatus
from itertools import count

from flatbuffers import encode, number_types
from flatbuffers.table import Table

from fraud.api.problems import Refused

# What reading raises where an offset, a size or a name leads nowhere.
BROKEN = (struct.error, TypeError, ValueError, OverflowError, LookupError)

# A marker, and the size of the metadata that follow; a size of 0 ends the stream.
_PREFIX = struct.Struct("<Ii")
_MARKER = 0xFFFFFFFF

# Where fields stand in their tables, by Arrow's Message.fbs; and the kinds of a message's header.
_KIND, HEADER, BODY_SIZE = 6, 8, 10  # `Message`
ROWS, NODES, BUFFERS, COMPRESSION = 4, 6, 8, 10  # `RecordBatch`
_SCHEMA, _RECORD_BATCH = 1, 3

# Bytes: those of 30 columns are some thousands, with what pandas adds to them.
_MOST_METADATA = 1024 * 1024

# What a stream ends with: no further message.
END = _PREFIX.pack(_MARKER, 0)

# Each costs time, however few rows it has.
_MOST_BATCHES = 1_000


def read(stream: bytes) -> Iterator[tuple[Table, memoryview]]:
    """The header and the body of each message: of the schema first, then of record batches.

    Raises:
        Refused: 400 where the stream is malformed, or is not whole; 422 where it holds something else.
        BROKEN: an offset leads nowhere.
    """
    for number, (message, body) in enumerate(messages(memoryview(stream))):
        if message.GetSlot(_KIND, 0, number_types.Uint8Flags) != (_RECORD_BATCH if number else _SCHEMA):
            raise other("A stream is a schema, then record batches: write it without dictionaries.")
        if number > _MOST_BATCHES:
            raise other(f"More than {_MOST_BATCHES:,} record batches are too many: put more rows in each.")
        yield table(message, HEADER), body


def messages(stream: memoryview) -> Iterator[tuple[Table, memoryview]]:
    """Each message, whose table is in bytes of its own, and its body; whatever its kind.

    Raises: as `read`.
    """
    place = 0
    for number in count():
        if len(stream) - place < _PREFIX.size:
            raise malformed("it lacks its end; send all of it, and close its writer before")
        marker, size = _PREFIX.unpack_from(stream, place)
        if marker != _MARKER or size < 0:
            raise malformed(f"no message begins at byte {place + 1}; write a stream, not a file")
        if size > _MOST_METADATA:
            raise other(f"A message has metadata of more than {_MOST_METADATA:,} bytes.")
        place += _PREFIX.size
        if size == 0 and number == 0:
            raise malformed("it lacks a schema")
        if size == 0:
            break
        metadata = stream[place : place + size]
        message = Table(metadata, encode.Get(number_types.UOffsetTFlags.packer_type, metadata, 0))
        place += size
        size = message.GetSlot(BODY_SIZE, 0, number_types.Int64Flags)
        if not 0 <= size <= len(stream) - place:
            raise malformed("it ends in the midst of a message")
        yield message, stream[place : place + size]
        place += size
    if place < len(stream):
        raise malformed(f"{len(stream) - place:,} bytes follow its end")


def written(metadata: bytes | bytearray) -> bytes:
    """A message as it stands in a stream, without its body."""
    return _PREFIX.pack(_MARKER, len(metadata)) + metadata


def table(holder: Table, field: int) -> Table:
    """The table that a field of another one points to."""
    place = holder.Offset(field)
    if not place:
        raise ValueError("a field is absent")
    return Table(holder.Bytes, holder.Indirect(holder.Pos + place))


def vector(holder: Table, field: int) -> tuple[int, int]:
    """Where a vector or a text begins, and how long it is."""
    place = holder.Offset(field)
    return (holder.Vector(place), holder.VectorLen(place)) if place else (0, 0)


def malformed(reason: str) -> Refused:
    return Refused(HTTPStatus.BAD_REQUEST, f"The body is no whole Arrow IPC stream: {reason}.")


def other(detail: str) -> Refused:
    """The refusal of a stream that is well-formed."""
    return Refused(HTTPStatus.UNPROCESSABLE_ENTITY, detail)
