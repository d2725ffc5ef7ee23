"""How long one transaction takes in a graph alone, on one thread."""

import time

import numpy as np
import onnxruntime
from numpy.typing import NDArray

# Of a served model, in milliseconds: a fifth of what a request costs.
MOST = 0.06

_ROWS = 2_000
_ROUNDS = 3


def one_row(graph: bytes, prepared: NDArray[np.float32]) -> float:
    """Milliseconds for one row: the median over different rows, of the best of three rounds.

    Different rows, since a repeated one finds its path through the trees in the processor's cache and takes a third of
    the time; the best round, since what else the machine does only ever adds.

    Args:
        graph: as `export.to_graph` makes it.
        prepared: shape (n, 30), as `fraud.features.prepare` makes them; up to 2,000 of them are used.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    (name,) = (given.name for given in session.get_inputs())
    medians = []
    for _ in range(_ROUNDS):
        seconds = []
        for k in np.random.default_rng(0).permutation(len(prepared))[:_ROWS]:
            row = {name: prepared[k : k + 1]}
            started = time.perf_counter()
            session.run(None, row)
            seconds.append(time.perf_counter() - started)
        medians.append(np.median(seconds))
    return 1e3 * float(min(medians))
