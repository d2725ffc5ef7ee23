"""From a fitted pipeline to the bytes of an ONNX graph."""

from typing import Any

import numpy as np
from imblearn.pipeline import Pipeline
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.pipeline import Pipeline as SklearnPipeline

from fraud import schema
from fraud.learn.candidates import Candidate

# The newest opset that every onnxruntime of the last two years runs.
_OPSET = {"": 18, "ai.onnx.ml": 3}


def output(candidate: Candidate, pipeline: Pipeline, prepared: NDArray[np.float32]) -> NDArray[np.float64]:
    """What the fitted pipeline answers, log-odds or probability as the candidate says, shape (n,)."""
    if candidate.output == "log-odds":
        return np.asarray(pipeline.decision_function(prepared), dtype=np.float64)
    return np.asarray(pipeline.predict_proba(prepared)[:, 1], dtype=np.float64)


def to_graph(candidate: Candidate, pipeline: Pipeline) -> bytes:
    """Export a fitted pipeline as a graph from "transactions", float32 (n, 30), to `output`, float32 (n, 1).

    Resampling belongs to fitting, so its steps are left out. The bytes are the same for the same fitted pipeline.
    """
    # A resampler passes rows through untouched once fitted; skl2onnx knows scikit-learn's own pipeline only.
    steps = [(name, step) for name, step in pipeline.steps if not hasattr(step, "fit_resample")]
    scoring = SklearnPipeline(steps)
    options: dict[str, Any] = {"zipmap": False}
    if candidate.output == "log-odds":
        options["raw_scores"] = True
    graph = to_onnx(
        scoring,
        initial_types=[("transactions", FloatTensorType([None, len(schema.FEATURES)]))],
        options={id(steps[-1][1]): options},
        target_opset=_OPSET,
        name="fraud",
    )
    return _fraud_column(graph)


def _fraud_column(graph: Any) -> bytes:
    """Cut the graph down to one output, the column of class 1."""
    scores = graph.graph.output[1].name
    column = numpy_helper.from_array(np.array([1], dtype=np.int64), "fraud_class")
    graph.graph.initializer.append(column)
    graph.graph.node.append(helper.make_node("Gather", [scores, "fraud_class"], ["fraud"], axis=1))
    del graph.graph.output[:]
    graph.graph.output.append(helper.make_tensor_value_info("fraud", TensorProto.FLOAT, [None, 1]))
    # skl2onnx lists them in the order of a set of names, which changes from process to process.
    opsets = sorted(graph.opset_import, key=lambda opset: (opset.domain, opset.version))
    del graph.opset_import[:]
    graph.opset_import.extend(opsets)
    return bytes(graph.SerializeToString(deterministic=True))
