"""From answers to an Arrow IPC stream: a column for each part, lists of structs for what only some rows have."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import nanoarrow
import numpy as np
from nanoarrow.c_schema import c_schema
from nanoarrow.ipc import StreamWriter
from numpy.typing import NDArray

from fraud.scorer import Reason, Scores

_TEXT, _NUMBER = nanoarrow.string(), nanoarrow.float64()
_WARNING = nanoarrow.struct({"feature": _TEXT, "value": _NUMBER, "detail": _TEXT})
_REASON = nanoarrow.struct({"feature": _TEXT, "value": _NUMBER, "contribution": _NUMBER})
_ANSWER = nanoarrow.struct(
    {
        "prediction": nanoarrow.int8(),
        "probability": _NUMBER,
        "decision": _TEXT,
        "threshold": _NUMBER,
        "warnings": nanoarrow.list_(_WARNING),
        "reasons": nanoarrow.list_(_REASON),
    },
    nullable=False,
)


class ArrowEncoder:
    """Writes the answers of one model, which the stream's metadata name: `model.version` and `model.digest`."""

    def __init__(self, model: Mapping[str, str]) -> None:
        self._answer = c_schema(_ANSWER).modify(metadata={f"model.{name}": text for name, text in model.items()})
        self._columns = list(self._answer.children)

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
        told = {row: [vars(reason) for reason in given] for row, given in reasons.items()}
        parts = (scores.prediction, scores.probability, scores.decision.tolist(), scores.threshold, warnings, told)
        rows = len(scores.prediction)
        columns = [_column(kind, rows, part) for kind, part in zip(self._columns, parts, strict=True)]
        written = BytesIO()
        with StreamWriter.from_writable(written) as writer:
            writer.serialize_stream(_array(self._answer, rows, [None], columns))
        return written.getvalue()


def _column(kind: Any, rows: int, values: Any) -> Any:
    """An array of so many texts ("u" in Arrow's C data interface), lists of structs by row ("+l"), or numbers."""
    match kind.format:
        case "u":
            joined = "".join(values)
            # Where all is ASCII, a text has as many bytes as characters.
            texts = values if joined.isascii() else [text.encode() for text in values]
            return _array(kind, rows, [None, _ends(np.fromiter(map(len, texts), np.int32, rows)), joined.encode()])
        case "+l":
            return _lists(kind, rows, values)
        case _:
            return _array(kind, rows, [None, np.ascontiguousarray(values)])


def _lists(kind: Any, rows: int, given: Mapping[int, Sequence[Mapping[str, Any]]]) -> Any:
    lengths = np.zeros(rows, np.int32)
    for row, structs in given.items():
        lengths[row] = len(structs)
    item, every = kind.child(0), [struct for structs in given.values() for struct in structs]
    fields = [_column(field, len(every), [struct[field.name] for struct in every]) for field in item.children]
    return _array(kind, rows, [None, _ends(lengths)], [_array(item, len(every), [None], fields)])


def _ends(lengths: NDArray[np.int32]) -> NDArray[np.int32]:
    """Where each of n values begins in what holds them all, and where the last one ends, shape (n + 1,)."""
    ends = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=ends[1:])
    return ends


def _array(kind: Any, rows: int, buffers: Sequence[Any], children: Sequence[Any] = ()) -> Any:
    return nanoarrow.c_array_from_buffers(kind, rows, buffers, null_count=0, children=children)
