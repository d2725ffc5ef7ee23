"""From a fitted model to the bytes of an ONNX graph."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from imblearn.pipeline import Pipeline
from lightgbm import LGBMClassifier
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper
from onnx.compose import add_prefix_graph
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline as SklearnPipeline

from fraud import schema
from fraud.learn.candidates import Model
from fraud.learn.compressed import KEPT, Compressed
from fraud.learn.estimators import CatBoost, Perceptrons, XGBoost
from fraud.learn.trees import tree_node

# The newest opset that every onnxruntime of the last two years runs.
_OPSET = {"": 18, "ai.onnx.ml": 3}
_IR_VERSION = 9

INPUT = "transactions"
_OUTPUT = "fraud"


def to_graph(model: Model) -> bytes:
    """Export a fitted model as a graph from "transactions", float32 (n, 30), to "fraud", float32 (n, 1).

    The output is what the candidate says, log-odds or probability; of a blend it is the weighted mean of its members'
    log-odds.
    Resampling belongs to fitting, so its steps are left out. The bytes are the same for the same fitted model.
    """
    parts = [part(pipeline, model.candidate.output == "log-odds") for pipeline in model.pipelines]
    return serialized(parts[0] if len(parts) == 1 else _blend(parts, model.candidate.counts or (1.0,) * len(parts)))


def part(pipeline: Pipeline, raw: bool) -> GraphProto:
    """One member's graph, its answer log-odds where `raw`; the names of its inner values are free to be anything."""
    model = pipeline.steps[-1][1]
    if isinstance(model, (LGBMClassifier, XGBoost, CatBoost)):
        return graph_of([tree_node(model, INPUT, _OUTPUT)], [])
    scale = pipeline.named_steps.get("scale")
    if isinstance(scale, Compressed):
        return _layers(scale, model)
    # A resampler passes rows through untouched once fitted; skl2onnx knows scikit-learn's own pipeline only.
    steps = [(name, step) for name, step in pipeline.steps if not hasattr(step, "fit_resample")]
    options: dict[str, Any] = {"zipmap": False, **({"raw_scores": True} if raw else {})}
    graph = to_onnx(
        SklearnPipeline(steps),
        initial_types=[(INPUT, FloatTensorType([None, len(schema.FEATURES)]))],
        options={id(model): options},
        target_opset=_OPSET,
        name="fraud",
    ).graph
    column = numpy_helper.from_array(np.array([1], dtype=np.int64), "fraud_class")
    cut = helper.make_node("Gather", [graph.output[1].name, "fraud_class"], [_OUTPUT], axis=1)
    return graph_of([*graph.node, cut], [*graph.initializer, column])


def _layers(scale: Compressed, model: Perceptrons | LogisticRegression) -> GraphProto:
    """A network without its last sigmoid, behind what compresses the columns."""
    if isinstance(model, Perceptrons):
        layers = [(model.hidden_, model.hidden_bias_), (model.last_, model.last_bias_)]
    else:
        layers = [(model.coef_.T, model.intercept_)]
    constants = [
        numpy_helper.from_array(np.array(KEPT, dtype=np.int64), "kept"),
        numpy_helper.from_array(scale.center_, "center"),
        numpy_helper.from_array(scale.scale_, "scale"),
    ]
    nodes = [
        helper.make_node("Gather", [INPUT, "kept"], ["columns"], axis=1),
        helper.make_node("Sub", ["columns", "center"], ["centered"]),
        helper.make_node("Div", ["centered", "scale"], ["scaled"]),
        helper.make_node("Asinh", ["scaled"], ["layer0"]),
    ]
    for k, (weights, bias) in enumerate(layers):
        names = [f"weights{k}", f"bias{k}"]
        for name, values in zip(names, (weights, bias), strict=True):
            constants.append(numpy_helper.from_array(np.asarray(values, dtype=np.float32), name))
        last = k == len(layers) - 1
        summed = _OUTPUT if last else f"sum{k}"
        nodes.append(helper.make_node("Gemm", [f"layer{k}", *names], [summed]))
        if not last:
            nodes.append(helper.make_node("Relu", [summed], [f"layer{k + 1}"]))
    return graph_of(nodes, constants)


def _blend(parts: list[GraphProto], counts: Sequence[float]) -> GraphProto:
    nodes, constants = side_by_side(parts)
    shares = np.array(counts, dtype=np.float64)[:, None] / sum(counts)
    constants.append(numpy_helper.from_array(shares.astype(np.float32), "shares"))
    nodes.append(helper.make_node("Concat", [f"{k}/{_OUTPUT}" for k in range(len(parts))], ["margins"], axis=1))
    nodes.append(helper.make_node("MatMul", ["margins", "shares"], [_OUTPUT]))
    return graph_of(nodes, constants)


def side_by_side(parts: list[GraphProto]) -> tuple[list[NodeProto], list[TensorProto]]:
    """Nodes and constants of all parts: they read the same input, every other name of part k begins with "k/"."""
    nodes: list[NodeProto] = []
    constants: list[TensorProto] = []
    for k, each in enumerate(parts):
        named = add_prefix_graph(each, f"{k}/", rename_inputs=False)
        nodes += named.node
        constants += named.initializer
    return nodes, constants


def graph_of(
    nodes: list[NodeProto], constants: list[TensorProto], answered: str = _OUTPUT, width: int = 1
) -> GraphProto:
    """The graph from the input to `answered`, float32 (n, width)."""
    given = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, len(schema.FEATURES)])
    answer = helper.make_tensor_value_info(answered, TensorProto.FLOAT, [None, width])
    return helper.make_graph(nodes, "fraud", [given], [answer], constants)


def serialized(graph: GraphProto) -> bytes:
    """A model of that graph, the same bytes for the same graph."""
    # Sorted, since skl2onnx lists them in the order of a set of names, which changes from process to process.
    opsets = [helper.make_opsetid(domain, version) for domain, version in sorted(_OPSET.items())]
    exported = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="fraud")
    return bytes(exported.SerializeToString(deterministic=True))
