import itertools

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from fraud.learn import latency
from fraud.learn.candidates import fit, registry
from fraud.learn.export import to_graph
from fraud.learn.selection import inputs


def test_a_graph_of_more_work_takes_longer():
    """Some fifty times as long: what else the machine does may well double a time."""
    rows = np.random.default_rng(0).normal(size=(100, 30)).astype(np.float32)
    assert 0 < latency.one_row(_products(1), rows) < latency.one_row(_products(1_000), rows)


def test_a_few_rows_are_enough(draw):
    candidate = registry()["logistic"]
    prepared, label = inputs(draw(600, 60, 1), candidate)
    graph = to_graph(fit(candidate, prepared, label, 1.0, 1))
    assert np.isfinite(latency.one_row(graph, prepared[:3]))


def _products(count: int) -> bytes:
    """A graph that multiplies by a matrix so often, each product of the one before."""
    names = ["transactions", *(f"product_{k}" for k in range(count))]
    matrix = numpy_helper.from_array(np.eye(30, dtype=np.float32), "matrix")
    nodes = [helper.make_node("MatMul", [given, "matrix"], [made]) for given, made in itertools.pairwise(names)]
    given, made = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 30]) for name in (names[0], names[-1]))
    graph = helper.make_graph(nodes, "products", [given], [made], [matrix])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    serialized: bytes = model.SerializeToString()
    return serialized
