"""From answers to an Arrow IPC stream: a column for each part, lists of structs for what only some rows have.

What tells of the columns is the same in each stream but for lengths and places: nanoarrow writes it once, since to have
it write each stream takes as long as to score fifty transactions.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from itertools import chain
from typing import Any

import nanoarrow
import numpy as np
from nanoarrow.c_schema import c_schema
from nanoarrow.ipc import StreamWriter
from numpy.typing import NDArray

from fraud.api import arrow_messages
from fraud.scorer import Reason, Scores

_TEXT, _NUMBER = nanoarrow.string(), nanoarrow.float64()
_WARNING = {"feature": _TEXT, "value": _NUMBER, "detail": _TEXT}
_REASON = {"feature": _TEXT, "value": _NUMBER, "contribution": _NUMBER}
_ANSWER = nanoarrow.struct(
    {
        "prediction": nanoarrow.int8(),
        "probability": _NUMBER,
        "decision": _TEXT,
        "threshold": _NUMBER,
        "warnings": nanoarrow.list_(nanoarrow.struct(_WARNING)),
        "reasons": nanoarrow.list_(nanoarrow.struct(_REASON)),
    },
    nullable=False,
)

# A column: the length of each of its nodes, and its buffers. Nothing is null, so that the buffers that tell what is,
# the first of each node, are empty.
_Column = tuple[list[int], list[Any]]
_NO_NULLS = b""

# Bytes: where a buffer begins, and what follows the last one.
_ALIGNED = 8


class ArrowEncoder:
    """Writes the answers of one model, which the stream's metadata name: `model.version` and `model.digest`."""

    def __init__(self, model: Mapping[str, str]) -> None:
        answer = c_schema(_ANSWER).modify(metadata={f"model.{name}": text for name, text in model.items()})
        stream = BytesIO()
        with StreamWriter.from_writable(stream) as writer:
            # Of one row: a number that is zero has no place in a message.
            writer.serialize_stream(_blank(answer, 1))
        (head, _), (batch, _) = arrow_messages.messages(memoryview(stream.getvalue()))
        self._head = arrow_messages.written(bytes(head.Bytes))
        self._batch = bytes(batch.Bytes)
        header = arrow_messages.table(batch, arrow_messages.HEADER)
        self._size_at = batch.Pos + batch.Offset(arrow_messages.BODY_SIZE)
        self._rows_at = header.Pos + header.Offset(arrow_messages.ROWS)
        self._nodes_at, _ = arrow_messages.vector(header, arrow_messages.NODES)
        self._buffers_at, _ = arrow_messages.vector(header, arrow_messages.BUFFERS)

    def encode(
        self,
        scores: Scores,
        warnings: Mapping[int, Sequence[Mapping[str, Any]]],
        reasons: Mapping[int, Sequence[Reason]],
    ) -> bytes:
        """Write one record batch.

        Args:
            scores: of n transactions.
            warnings, reasons: of the rows that have some, in the order of these.
        """
        rows = len(scores.prediction)
        told = {row: [vars(reason) for reason in given] for row, given in reasons.items()}
        lengths, buffers = _side_by_side(
            [
                _numbers(scores.prediction),
                _numbers(scores.probability),
                _words(scores.decision),
                _numbers(scores.threshold),
                _lists(rows, warnings, _WARNING),
                _lists(rows, told, _REASON),
            ]
        )
        body: list[Any] = []
        places, sizes, place = [], [], 0
        for buffer in buffers:
            size = memoryview(buffer).nbytes
            padding = bytes(-size % _ALIGNED)
            places.append(place)
            sizes.append(size)
            body += [buffer, padding]
            place += size + len(padding)
        metadata = bytearray(self._batch)
        struct.pack_into("<q", metadata, self._size_at, place)
        struct.pack_into("<q", metadata, self._rows_at, rows)
        _put_pairs(metadata, self._nodes_at, lengths, [0] * len(lengths))
        _put_pairs(metadata, self._buffers_at, places, sizes)
        return b"".join([self._head, arrow_messages.written(metadata), *body, arrow_messages.END])


def _put_pairs(metadata: bytearray, place: int, first: list[int], second: list[int]) -> None:
    struct.pack_into(f"<{2 * len(first)}q", metadata, place, *chain.from_iterable(zip(first, second, strict=True)))


def _blank(kind: Any, rows: int) -> Any:
    """An array of rows in which all numbers are zero, and all texts and lists empty."""
    buffers: dict[str, list[Any]] = {
        "+s": [],
        "+l": [np.zeros(rows + 1, np.int32)],
        "u": [np.zeros(rows + 1, np.int32), b""],
    }
    children = [_blank(child, 0 if kind.format == "+l" else rows) for child in kind.children]
    given = [None, *buffers.get(kind.format, [bytes(8 * rows)])]
    return nanoarrow.c_array_from_buffers(kind, rows, given, null_count=0, children=children)


def _numbers(values: NDArray[Any]) -> _Column:
    return [len(values)], [_NO_NULLS, values]


def _texts(values: Sequence[str]) -> _Column:
    joined = "".join(values)
    # Where all is ASCII, a text has as many bytes as characters.
    texts = values if joined.isascii() else [text.encode() for text in values]
    ends = _ends(np.fromiter(map(len, texts), np.int32, len(values)))
    return [len(values)], [_NO_NULLS, ends, joined.encode()]


def _words(values: NDArray[np.str_]) -> _Column:
    """Texts in ASCII without zeros, of which numpy keeps four bytes for each character and zeros behind the last."""
    characters = values.view(np.uint32).reshape(len(values), values.itemsize // 4)
    there = characters != 0
    ends = _ends(np.count_nonzero(there, axis=1).astype(np.int32))
    return [len(values)], [_NO_NULLS, ends, characters[there].astype(np.uint8)]


def _lists(rows: int, given: Mapping[int, Sequence[Mapping[str, Any]]], kinds: Mapping[str, Any]) -> _Column:
    """Lists of structs, by row."""
    counts = np.zeros(rows, np.int32)
    for row, structs in given.items():
        counts[row] = len(structs)
    every = [struct for structs in given.values() for struct in structs]
    fields = _side_by_side(_field([struct[name] for struct in every], kind) for name, kind in kinds.items())
    return [rows, len(every), *fields[0]], [_NO_NULLS, _ends(counts), _NO_NULLS, *fields[1]]


def _field(values: list[Any], kind: Any) -> _Column:
    return _texts(values) if kind is _TEXT else _numbers(np.array(values, np.float64))


def _side_by_side(columns: Iterable[_Column]) -> _Column:
    lengths, buffers = zip(*columns, strict=True)
    return list(chain.from_iterable(lengths)), list(chain.from_iterable(buffers))


def _ends(lengths: NDArray[np.int32]) -> NDArray[np.int32]:
    """Where each of n values begins in what holds them all, and where the last one ends, shape (n + 1,)."""
    ends = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=ends[1:])
    return ends
