"""Fitted boosted trees as plain nodes, each leaf with its cover: the rows, or their weight, that training saw in it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from lightgbm import LGBMClassifier
from onnx import GraphProto, helper
from sklearn.ensemble import HistGradientBoostingClassifier

from fraud.learn.estimators import CatBoost, XGBoost

Boosted: TypeAlias = LGBMClassifier | XGBoost | CatBoost | HistGradientBoostingClassifier


@dataclass(frozen=True)
class Leaf:
    value: float
    cover: float


@dataclass(frozen=True)
class Split:
    """A row goes on to `yes` where its float32 value in `column` is at most `threshold`, a float32 as well."""

    column: int
    threshold: float
    yes: "Tree"
    no: "Tree"

    @property
    def cover(self) -> float:
        return self.yes.cover + self.no.cover


Tree: TypeAlias = Leaf | Split


def covered_trees(model: Boosted, graph: GraphProto) -> tuple[list[Tree], float]:
    """The trees of a fitted model's scoring graph with the library's covers, and what is added to their sum.

    Splits and values are those of the graph's own node, so that each row takes the same way as in scoring.

    Args:
        graph: as `export.part` makes it of the model, of log-odds.
    """
    (node,) = (node for node in graph.node if node.op_type.startswith("TreeEnsemble"))
    found = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    kind = "class" if node.op_type == "TreeEnsembleClassifier" else "target"
    leaves = zip(found[f"{kind}_treeids"], found[f"{kind}_nodeids"], found[f"{kind}_weights"], strict=True)
    value = {(tree, leaf): weight for tree, leaf, weight in leaves}
    rows = zip(
        found["nodes_treeids"],
        found["nodes_nodeids"],
        found["nodes_modes"],
        found["nodes_featureids"],
        found["nodes_values"],
        found["nodes_truenodeids"],
        found["nodes_falsenodeids"],
        strict=True,
    )
    nodes = {(tree, at): rest for tree, at, *rest in rows}

    def grown(tree: int, at: int, covers: Iterator[float]) -> Tree:
        mode, column, threshold, true, false = nodes[tree, at]
        if mode == b"LEAF":
            return Leaf(value[tree, at], next(covers))
        if mode == b"BRANCH_GT":
            true, false = false, true
        elif mode == b"BRANCH_LT":
            # Of float32 values, those below a threshold are those at most the next one down.
            threshold = float(np.nextafter(np.float32(threshold), np.float32(-np.inf)))
        yes = grown(tree, true, covers)
        return Split(column, threshold, yes, grown(tree, false, covers))

    trees = []
    for tree, covers in enumerate(_covers(model)):
        of_tree = iter(covers)
        trees.append(grown(tree, 0, of_tree))
        if next(of_tree, None) is not None:
            raise RuntimeError(f"tree {tree} has other leaves in its graph than in its library")
    return trees, float(sum(found.get("base_values", [])))


def _covers(model: Boosted) -> list[list[float]]:
    """For each tree the cover of each leaf, from the one that is always at most its thresholds to the one above all."""
    if isinstance(model, LGBMClassifier):
        return [_lightgbm(tree["tree_structure"]) for tree in model.booster_.dump_model()["tree_info"]]
    if isinstance(model, XGBoost):
        dumped = json.loads(model.get_booster().save_raw("json"))
        trees = dumped["learner"]["gradient_booster"]["model"]["trees"]
        return [
            _walked(
                tree["left_children"], tree["right_children"], tree["sum_hessian"], np.less(tree["left_children"], 0)
            )
            for tree in trees
        ]
    if isinstance(model, CatBoost):
        # A leaf's number has one bit a split, the root's the highest, set where the value is above the threshold.
        ends = np.cumsum(model.get_tree_leaf_counts())[:-1]
        return [weights.tolist() for weights in np.split(np.asarray(model.get_leaf_weights()), ends)]
    stages = [predictor.nodes for (predictor,) in model._predictors]
    return [_walked(nodes["left"], nodes["right"], nodes["count"], nodes["is_leaf"]) for nodes in stages]


def _lightgbm(node: dict[str, Any]) -> list[float]:
    if "left_child" in node:
        return _lightgbm(node["left_child"]) + _lightgbm(node["right_child"])
    # A tree of one leaf may come without a count, which nothing depends on.
    return [node.get("leaf_count", 1)]


def _walked(left: Any, right: Any, cover: Any, is_leaf: Any, at: int = 0) -> list[float]:
    if is_leaf[at]:
        return [float(cover[at])]
    return [*_walked(left, right, cover, is_leaf, left[at]), *_walked(left, right, cover, is_leaf, right[at])]
