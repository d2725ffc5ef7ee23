"""Graphs of contributions, exact for each family of models: with the family's base they add up to its log-odds."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from imblearn.pipeline import Pipeline
from lightgbm import LGBMClassifier
from numpy.typing import ArrayLike, NDArray
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from fraud import schema
from fraud.learn import export
from fraud.learn.compressed import KEPT, Compressed
from fraud.learn.covers import Boosted, covered_trees
from fraud.learn.estimators import CatBoost, Perceptrons, XGBoost
from fraud.learn.shapley import Table, tables

OUTPUT = "contributions"

_COLUMNS = len(schema.FEATURES)


@dataclass(frozen=True)
class Contributions:
    """A graph from "transactions" to "contributions", both float32 (n, 30), what they go out from, and the method."""

    graph: GraphProto
    base: float
    method: str


def contributions(pipeline: Pipeline) -> Contributions | None:
    """Those of a fitted pipeline; None where there is no exact graph of them."""
    # A resampler passes rows through untouched once fitted.
    *before, model = (step for _, step in pipeline.steps if not hasattr(step, "fit_resample"))
    scale = before[0] if len(before) == 1 else None
    if isinstance(model, (LGBMClassifier, XGBoost, CatBoost, HistGradientBoostingClassifier)) and not before:
        return _trees(model, export.part(pipeline, raw=True))
    if isinstance(model, LogisticRegression) and isinstance(scale, (StandardScaler, Compressed)):
        return _linear(scale, model)
    if isinstance(model, Perceptrons) and isinstance(scale, Compressed):
        return _network(scale, model)
    return None


def of_graph(nodes: list[NodeProto], constants: list[TensorProto]) -> GraphProto:
    return export.graph_of(nodes, constants, OUTPUT, _COLUMNS)


def constant(name: str, value: ArrayLike) -> TensorProto:
    """Whole numbers as they are, all others as float32."""
    array = np.asarray(value)
    return numpy_helper.from_array(array if array.dtype.kind == "i" else array.astype(np.float32), name)


def _trees(model: Boosted, scoring: GraphProto) -> Contributions | None:
    trees, base = covered_trees(model, scoring)
    made: list[Table] = []
    for tree in trees:
        of_tree = tables(tree)
        if of_tree is None:
            return None
        made += of_tree
    base += sum(table.expected for table in made)
    return Contributions(_looked_up(made), base, "path-dependent Shapley values of trees")


def _looked_up(made: list[Table]) -> GraphProto:
    """All tables one below the other; the answers to a table's questions are the number of its line that counts."""
    asked = max((1, *(len(table.questions) for table in made)))
    width = max((1, *(len(table.columns) for table in made)))
    asking = np.zeros((_COLUMNS, len(made), asked), dtype=np.float32)
    # No value is at most this: a question that fills a shorter list up is never answered yes.
    threshold = np.full((len(made), asked), -np.inf, dtype=np.float32)
    first = np.cumsum([0, *(len(table.values) for table in made)])
    lines = np.zeros((first[-1], width), dtype=np.float32)
    places = np.zeros((len(made), width, _COLUMNS), dtype=np.float32)
    for k, table in enumerate(made):
        for q, (of, at_most) in enumerate(table.questions):
            asking[of, k, q], threshold[k, q] = 1, at_most
        lines[first[k] : first[k + 1], : len(table.columns)] = table.values
        places[k, range(len(table.columns)), table.columns] = 1
    nodes = [
        # A finite value times 1, and zeros: not a bit is lost, and it is quicker than to gather them.
        helper.make_node("MatMul", [export.INPUT, "asking"], ["values"]),
        helper.make_node("LessOrEqual", ["values", "threshold"], ["answers"]),
        helper.make_node("Cast", ["answers"], ["bits"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["bits", "by_table"], ["patterns"]),
        helper.make_node("MatMul", ["patterns", "powers"], ["pattern"]),
        helper.make_node("Cast", ["pattern"], ["whole"], to=TensorProto.INT32),
        helper.make_node("Reshape", ["whole", "by_row"], ["number"]),
        helper.make_node("Add", ["number", "first"], ["line"]),
        helper.make_node("Gather", ["lines", "line"], ["found"], axis=0),
        helper.make_node("Reshape", ["found", "in_a_row"], ["by_place"]),
        helper.make_node("MatMul", ["by_place", "places"], [OUTPUT]),
    ]
    constants = [
        constant("asking", asking.reshape(_COLUMNS, -1)),
        constant("threshold", threshold.reshape(-1)),
        constant("by_table", np.array([-1, asked], dtype=np.int64)),
        constant("powers", 2.0 ** np.arange(asked)[:, None]),
        constant("by_row", np.array([-1, len(made)], dtype=np.int64)),
        constant("first", first[:-1].astype(np.int32)),
        constant("lines", lines),
        constant("in_a_row", np.array([-1, len(made) * width], dtype=np.int64)),
        constant("places", places.reshape(-1, _COLUMNS)),
    ]
    return of_graph(nodes, constants)


def _linear(scale: StandardScaler | Compressed, model: LogisticRegression) -> Contributions:
    """Each coefficient times its scaled column, whose zero is the mean over the training rows, or their median."""
    if isinstance(scale, Compressed):
        nodes, constants = _compressed(scale)
        coefficient = _of_all(model.coef_.T)[:, 0]
    else:
        nodes, constants = _scaled(scale.mean_, scale.scale_, "scaled")
        coefficient = model.coef_[0]
    nodes.append(helper.make_node("Mul", ["scaled", "coefficient"], [OUTPUT]))
    constants.append(constant("coefficient", coefficient))
    return Contributions(of_graph(nodes, constants), float(model.intercept_[0]), "coefficients")


def _network(scale: Compressed, model: Perceptrons) -> Contributions:
    """Gradients integrated along the straight line from the median, where every compressed column is 0.

    On it a unit's input goes from its bias b to a + b, so that it is open for max(b, a + b) / |a| of the way, cut to
    between 0 and 1: that is the mean of its gradient, and nothing is left to integrate.

    Sources: Aumann and Shapley, "Values of non-atomic games", 1974; Sundararajan, Taly and Yan, "Axiomatic attribution
    for deep networks", 2017.
    """
    hidden, bias, last = _of_all(model.hidden_), model.hidden_bias_, model.last_[:, 0]
    nodes, constants = _compressed(scale)
    nodes += [
        helper.make_node("MatMul", ["scaled", "hidden"], ["moved"]),
        helper.make_node("Add", ["moved", "bias"], ["reached"]),
        helper.make_node("Max", ["reached", "bias"], ["highest"]),
        helper.make_node("Abs", ["moved"], ["length"]),
        # A unit that doesn't move is open where its bias is above 0.
        helper.make_node("Max", ["length", "least"], ["way"]),
        helper.make_node("Div", ["highest", "way"], ["uncut"]),
        helper.make_node("Clip", ["uncut", "none", "all"], ["open"]),
        helper.make_node("MatMul", ["open", "back"], ["gradient"]),
        helper.make_node("Mul", ["scaled", "gradient"], [OUTPUT]),
    ]
    constants += [
        constant("hidden", hidden),
        constant("bias", bias),
        constant("least", 1e-30),
        constant("none", 0.0),
        constant("all", 1.0),
        constant("back", last[:, None] * hidden.T),
    ]
    base = float(model.last_bias_[0] + np.maximum(bias, 0) @ last)
    return Contributions(of_graph(nodes, constants), base, "Aumann-Shapley values from the median")


def _compressed(scale: Compressed) -> tuple[list[NodeProto], list[TensorProto]]:
    """All 30 columns as `scaled`; those that compression leaves out are there for weights of 0."""
    center, spread = np.zeros(_COLUMNS), np.ones(_COLUMNS)
    center[KEPT], spread[KEPT] = scale.center_, scale.scale_
    nodes, constants = _scaled(center, spread, "quotient")
    return [*nodes, helper.make_node("Asinh", ["quotient"], ["scaled"])], constants


def _scaled(center: ArrayLike, spread: ArrayLike, name: str) -> tuple[list[NodeProto], list[TensorProto]]:
    nodes = [
        helper.make_node("Sub", [export.INPUT, "center"], ["centered"]),
        helper.make_node("Div", ["centered", "spread"], [name]),
    ]
    return nodes, [constant("center", center), constant("spread", spread)]


def _of_all(weights: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Weights for all 30 columns from those of the compressed ones."""
    spread_out = np.zeros((_COLUMNS, weights.shape[1]))
    spread_out[KEPT] = weights
    return spread_out
