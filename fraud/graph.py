"""A graph of a bundle, run by ONNX Runtime."""

import math
import os
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud import schema
from fraud.errors import UsageError
from fraud.features import TimeMeaning, prepare_one

_INPUT = "transactions"


class Graph:
    """Answers prepared transactions.

    Args:
        content: the graph in ONNX, from "transactions", shape (n, 30), to its only output, shape (n, width).
        width: answers to each transaction.
        threads: that one call may use.
        path: where the graph was read, for the error.

    Raises:
        UsageError: it can't be run here.
    """

    def __init__(self, content: bytes, width: int, threads: int, path: Path) -> None:
        onnxruntime = runtime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors share no public base class
            raise UsageError(f"{path} can't be run ({error}): remove {path.parent} and run `make train`") from None
        self._width = width
        self._outputs = [output.name for output in self._session.get_outputs()]
        # As many as were ever needed at once; a deque is handed between threads without a lock.
        self._singles: deque[_Single] = deque()

    def answers(self, prepared: NDArray[np.float32], pieces: Iterable[slice]) -> NDArray[np.float32]:
        """Shape (n, width).

        Args:
            prepared: shape (n, 30), as `features.prepare` makes them.
            pieces: the rows that are answered at once, from the first to the last.

        Raises:
            ValueError: one has no finite answer, or the graph is of another width.
        """
        if not len(prepared):
            return np.empty((0, self._width), np.float32)
        parts = [self._session.run(self._outputs, {_INPUT: prepared[piece]})[0] for piece in pieces]
        answers: NDArray[np.float32] = parts[0] if len(parts) == 1 else np.concatenate(parts)
        if answers.shape != (len(prepared), self._width):
            raise ValueError(f"the graph answers {answers.shape}, expected {(len(prepared), self._width)}")
        finite = np.isfinite(answers)
        if not finite.all():
            raise _no_answer(int(np.argmin(finite.all(axis=1))))
        return answers

    def answer(self, transaction: Sequence[float], time: TimeMeaning) -> float:
        """The first of the answers to one transaction, prepared as `features.prepare` would; the same as `answers` to
        it alone, in half the time.

        Raises:
            ValueError: it has no finite answer, or `features.prepare_one` raises it.
        """
        try:
            single = self._singles.pop()
        except IndexError:
            single = _Single(self._session, self._outputs[0])
        prepare_one(transaction, time, single.prepared)
        answer = single.run()
        self._singles.append(single)
        if not math.isfinite(answer):
            raise _no_answer(0)
        return answer


class _Single:
    """Places in memory for one transaction and its answer, which ONNX Runtime is told once: to hand it arrays takes as
    long as to answer.
    """

    def __init__(self, session: Any, output: str) -> None:
        self._session = session
        self.prepared = np.zeros((1, len(schema.FEATURES)), np.float32)
        self._answer = np.zeros((1, 1), np.float32)
        self._binding = session.io_binding()
        self._binding.bind_input(_INPUT, "cpu", 0, np.float32, self.prepared.shape, self.prepared.ctypes.data)
        self._binding.bind_output(output, "cpu", 0, np.float32, self._answer.shape, self._answer.ctypes.data)

    def run(self) -> float:
        self._session.run_with_iobinding(self._binding)
        answer: float = self._answer.item()
        return answer


def runtime() -> Any:
    """ONNX Runtime, loaded when it is asked for."""
    # Its wheel reports usage by default; it reads this when it is imported.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime


def _no_answer(row: int) -> ValueError:
    return ValueError(f"the model has no answer for transaction {row}: its values are too large")
