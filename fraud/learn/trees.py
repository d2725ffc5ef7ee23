"""Boosted trees of LightGBM, XGBoost and CatBoost as one ONNX node that sums their margins.

The libraries' own converters describe a classifier, which rounds its answer to a probability in float32. Its trees are
kept, the sigmoid is not.
"""

import re
import tempfile
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import onnx
from lightgbm import LGBMClassifier
from onnx import NodeProto, helper
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from xgboost import XGBClassifier

from fraud.learn.estimators import CatBoost, XGBoost

_OPSET = 15  # the newest that both converters know; it says nothing of the node that is kept


def tree_node(model: LGBMClassifier | XGBoost | CatBoost, given: str, answered: str) -> NodeProto:
    """A `TreeEnsembleRegressor` from the input `given`, float32 (n, features), to the margin `answered`, (n, 1)."""
    (node,) = (node for node in _converted(model).graph.node if node.op_type == "TreeEnsembleClassifier")
    found = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    # Two classes may be described by the leaves of one or, with the other's sign turned, of both.
    fraud = np.asarray(found["class_ids"]) == max(found["class_ids"])
    leaves = {
        target: np.asarray(found[leaf])[fraud].tolist()
        for target, leaf in (
            ("target_nodeids", "class_nodeids"),
            ("target_treeids", "class_treeids"),
            ("target_weights", "class_weights"),
        )
    }
    if "base_values" in found:
        leaves["base_values"] = [found["base_values"][-1]]
    return helper.make_node(
        "TreeEnsembleRegressor",
        [given],
        [answered],
        domain="ai.onnx.ml",
        n_targets=1,
        target_ids=[0] * int(fraud.sum()),
        **leaves,
        **{name: value for name, value in found.items() if name.startswith("nodes_")},
    )


def _converted(model: LGBMClassifier | XGBoost | CatBoost) -> Any:
    kind: Any = [("transactions", FloatTensorType([None, model.n_features_in_]))]
    if isinstance(model, LGBMClassifier):
        rounded = _rounded_down(model.booster_)
        return convert_lightgbm(rounded, initial_types=kind, zipmap=False, target_opset=_OPSET)
    if isinstance(model, XGBoost):
        # The converter knows models by their class, and a class that inherits is another.
        plain = XGBClassifier()
        plain.load_model(model.get_booster().save_raw("ubj"))
        return convert_xgboost(plain, initial_types=kind, target_opset=_OPSET)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        model.save_model(str(path), format="onnx")
        return onnx.load(path)


def _rounded_down(booster: lightgbm.Booster) -> lightgbm.Booster:
    """The same trees with thresholds that float32 holds.

    A row goes left where its value is at most the threshold. Of float32 values, those at most a threshold are those at
    most the next float32 below it; rounding to the nearest one instead, as the converter would, may let one more pass.
    """

    def line(found: re.Match[str]) -> str:
        exact = np.array(found[1].split(), dtype=np.float64)
        near = exact.astype(np.float32)
        below = np.where(near > exact, np.nextafter(near, np.float32(-np.inf)), near)
        return "threshold=" + " ".join(repr(float(value)) for value in below)

    text = re.sub(r"^threshold=(.*)$", line, booster.model_to_string(), flags=re.MULTILINE)
    # The sizes of the trees' texts, which are others now; without them the trees are read one after the other.
    text = re.sub(r"^tree_sizes=.*\n", "", text, flags=re.MULTILINE)
    return lightgbm.Booster(model_str=text)
