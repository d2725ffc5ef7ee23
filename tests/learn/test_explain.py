"""Contributions of every candidate: exact, additive, and those that its library itself gives."""

from functools import cache
from math import inf

import catboost
import numpy as np
import onnx
import onnxruntime
import pytest
import xgboost

from fraud import schema
from fraud.bundle import OCCLUSION
from fraud.learn import export
from fraud.learn.candidates import REFERENCE, fit, registry
from fraud.learn.covers import Leaf, covered_trees
from fraud.learn.explain import explain
from fraud.learn.selection import inputs

WEIGHT = 3.0
SEED = 11
# Thirty-one leaves grown where they gain most: some stand behind more questions than a table has room for.
WITHOUT = {"lightgbm-defaults"}
SERVED = [candidate for candidate in registry().values() if candidate.servable and candidate.name not in WITHOUT]
TREES = ("lightgbm", "xgboost", "catboost", "histogram boosting")


@pytest.fixture(scope="module")
def training(draw):
    return draw(700, 60, 21)


@pytest.fixture(scope="module")
def unseen(draw):
    return draw(500, 40, 22)


@pytest.fixture(scope="module", params=SERVED, ids=lambda candidate: candidate.name)
def candidate(request):
    return request.param


@pytest.fixture(scope="module")
def fitted(candidate, training):
    return fit(candidate, *inputs(training, candidate), WEIGHT, SEED)


@pytest.fixture(scope="module")
def explained(fitted):
    return explain(fitted)


@pytest.fixture(scope="module")
def by_name(training):
    """`by_name(name)`: a candidate fitted on the training rows."""

    def fitted(name):
        return fit(registry()[name], *inputs(training, registry()[name]), WEIGHT, SEED)

    return fitted


def run(graph, prepared):
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {"transactions": prepared})
    assert answer.dtype == np.float32
    return answer.astype(np.float64)


def assert_additive(fitted, explained, prepared):
    found = run(explained.graph, prepared)
    assert found.shape == (len(prepared), len(schema.FEATURES))
    margin = run(export.to_graph(fitted), prepared)[:, 0]
    # Terms of 1e30 leave of each other what float32 can tell apart.
    room = 2e-5 + 1e-6 * np.abs(found).sum(1)
    assert (np.abs(found.sum(1) + explained.reasons.base - margin) <= room).all()


def test_contributions_and_base_add_up_to_what_the_graph_answers(candidate, fitted, explained, training, unseen):
    for frame in (training, unseen):
        assert_additive(fitted, explained, inputs(frame, candidate)[0])


@pytest.mark.parametrize("value", [0.0, -0.0, 1e-38, 150.0, -30_000.0, 1e30, -1e30])
def test_extreme_values_add_up_as_well(candidate, fitted, explained, unseen, value):
    prepared = inputs(unseen.head(30), candidate)[0]
    np.fill_diagonal(prepared, np.float32(value))
    assert_additive(fitted, explained, prepared)


def test_values_at_a_threshold_fall_on_the_side_that_they_are_scored_on(candidate, fitted, explained, unseen):
    rng = np.random.default_rng(1)
    for part, pipeline in zip(candidate.members or (candidate,), fitted.pipelines, strict=True):
        if part.estimator not in TREES:
            continue
        trees, _ = covered_trees(pipeline[-1], export.part(pipeline, raw=True))
        thresholds = dict.fromkeys(question for tree in trees for question in questions(tree))
        prepared = np.resize(inputs(unseen, candidate)[0], (2_000, 30))
        for column in range(30):
            at = np.array([threshold for asked, threshold in thresholds if asked == column], dtype=np.float32)
            if len(at):
                drawn = rng.choice(at, len(prepared))
                towards = rng.choice(np.array([-inf, inf, np.nan], dtype=np.float32), len(prepared))
                prepared[:, column] = np.where(np.isnan(towards), drawn, np.nextafter(drawn, towards))
        assert_additive(fitted, explained, prepared)


def questions(tree):
    if isinstance(tree, Leaf):
        return []
    return [(tree.column, tree.threshold), *questions(tree.yes), *questions(tree.no)]


@pytest.mark.parametrize("rows", [0, 1, 2, 500])
def test_any_number_of_rows_is_explained(candidate, explained, unseen, rows):
    prepared, _ = inputs(unseen, candidate)
    assert run(explained.graph, prepared[:rows]) == pytest.approx(run(explained.graph, prepared)[:rows], abs=1e-5)


def test_the_same_model_is_explained_by_the_same_bytes(fitted, explained):
    assert explain(fitted) == explained


def test_the_graph_is_sound_and_older_runtimes_know_its_opset(explained):
    graph = onnx.load_model_from_string(explained.graph)
    onnx.checker.check_model(graph, full_check=True)
    (given,), (answered,) = graph.graph.input, graph.graph.output
    assert (given.name, answered.name) == ("transactions", "contributions")
    assert {entry.domain: entry.version for entry in graph.opset_import} == {"": 18, "ai.onnx.ml": 3}


def test_each_family_is_named_with_its_method(candidate, explained):
    members = candidate.members or (candidate,)
    assert list(explained.reasons.methods) == list(dict.fromkeys(member.estimator for member in members))
    for family, method in explained.reasons.methods.items():
        assert ("trees" in method) == (family in TREES)
        assert ("Aumann-Shapley" in method) == (family == "perceptrons")
        assert (method == "coefficients") == (family == "logistic regression")


@pytest.mark.parametrize(
    ("name", "nothing"),
    [
        ("lightgbm", {"min_child_samples": 10_000}),
        ("xgboost", {"gamma": 1e6}),
        ("boosting", {"min_samples_leaf": 10_000}),
    ],
)
def test_trees_without_a_split_move_nothing(training, unseen, name, nothing):
    like = registry()[name]
    candidate = like.model_copy(update={"parameters": {**like.parameters, **nothing}})
    fitted = fit(candidate, *inputs(training, candidate), WEIGHT, SEED)
    explained = explain(fitted)
    prepared, _ = inputs(unseen, candidate)
    assert np.array_equal(run(explained.graph, prepared), np.zeros((500, 30)))
    assert_additive(fitted, explained, prepared)


def of_lightgbm(model, prepared):
    return model.booster_.predict(prepared, pred_contrib=True)


def of_xgboost(model, prepared):
    return model.get_booster().predict(xgboost.DMatrix(prepared), pred_contribs=True)


def of_catboost(model, prepared):
    return model.get_feature_importance(catboost.Pool(prepared), type="ShapValues")


@pytest.mark.parametrize(
    ("name", "library"),
    [
        ("lightgbm", of_lightgbm),
        ("xgboost", of_xgboost),
        ("xgboost-defaults", of_xgboost),
        ("catboost", of_catboost),
    ],
)
def test_trees_have_the_contributions_of_their_library(by_name, unseen, name, library):
    fitted = by_name(name)
    prepared, _ = inputs(unseen, registry()[name])
    theirs = library(fitted.pipelines[0][-1], prepared)
    ours = explain(fitted)
    assert run(ours.graph, prepared) == pytest.approx(theirs[:, :-1], abs=1e-5)
    assert theirs[:, -1] == pytest.approx(ours.reasons.base, abs=1e-5)
    assert np.abs(theirs[:, :-1]).max() > 0.5


@pytest.mark.parametrize("name", ["boosting", "boosting-undersampled"])
def test_histogram_boosting_has_the_values_of_the_definition(by_definition, training, unseen, name):
    like = registry()[name]
    few = {"parameters": {**like.parameters, "max_iter": 3, "max_features": 1.0}}
    candidate = like.model_copy(update=few)
    fitted = fit(candidate, *inputs(training, candidate), WEIGHT, SEED)
    prepared, _ = inputs(unseen.head(20), candidate)
    model = fitted.pipelines[0][-1]
    stages = [predictor.nodes for (predictor,) in model._predictors]
    used = sorted({int(column) for nodes in stages for column in nodes["feature_idx"][nodes["is_leaf"] == 0]})
    assert 2 < len(used) < 14

    def expected(nodes, row, known, at=0):
        node = nodes[at]
        if node["is_leaf"]:
            return node["value"]
        left, right = (expected(nodes, row, known, node[side]) for side in ("left", "right"))
        if node["feature_idx"] in known:
            return left if row[node["feature_idx"]] <= node["num_threshold"] else right
        share = nodes[node["left"]]["count"] / node["count"]
        return share * left + (1 - share) * right

    explained = explain(fitted)
    found = run(explained.graph, prepared)
    nothing = sum(expected(nodes, prepared[0], set()) for nodes in stages)
    assert explained.reasons.base == pytest.approx(model._baseline_prediction[0, 0] + nothing, abs=1e-6)
    for row, contribution in zip(prepared[:3], found, strict=False):

        @cache
        def worth(known, row=row):
            return sum(expected(nodes, row, {used[k] for k in known}) for nodes in stages)

        by_hand = np.zeros(30)
        by_hand[used] = [by_definition(worth, k, len(used)) for k in range(len(used))]
        assert contribution == pytest.approx(by_hand, abs=1e-6)


def test_perceptrons_have_their_gradients_integrated_from_the_median(by_name, unseen):
    fitted = by_name("perceptrons")
    prepared, _ = inputs(unseen.head(10), registry()["perceptrons"])
    scale, model = (step for _, step in fitted.pipelines[0].steps)
    columns = [k for k, name in enumerate(schema.FEATURES) if name != schema.TIME.name]
    steps = (np.arange(20_000) + 0.5) / 20_000
    found = run(explain(fitted).graph, prepared)
    for row, contribution in zip(prepared, found, strict=True):
        compressed = scale.transform(row[None])[0].astype(np.float64)
        opened = steps[:, None] * (compressed @ model.hidden_) + model.hidden_bias_ > 0
        gradient = opened.mean(0) * model.last_[:, 0] @ model.hidden_.T
        assert contribution[columns] == pytest.approx(compressed * gradient, abs=1e-3)
        assert contribution[schema.FEATURES.index(schema.TIME.name)] == 0


def test_a_row_at_every_median_moves_perceptrons_nowhere(by_name, training):
    prepared, _ = inputs(training, registry()["perceptrons"])
    explained = explain(by_name("perceptrons"))
    at_median = np.median(prepared, axis=0, keepdims=True)
    # Between two rows in the middle, a median is rounded once here and once by the scaler.
    assert run(explained.graph, at_median) == pytest.approx(np.zeros((1, 30)), abs=1e-5)


def test_a_unit_that_is_closed_all_the_way_or_open_all_the_way_is_no_different_at_0(by_name, training):
    """Where nothing moves the quotient is 0 / 0: it must not reach the answer."""
    fitted = by_name("perceptrons")
    scale, model = (step for _, step in fitted.pipelines[0].steps)
    model.hidden_bias_ = np.where(np.arange(len(model.hidden_bias_)) % 2, 0.0, model.hidden_bias_)
    row = np.zeros((1, 30), np.float32)
    row[0, [k for k, name in enumerate(schema.FEATURES) if name != schema.TIME.name]] = scale.center_
    assert np.array_equal(run(explain(fitted).graph, row), np.zeros((1, 30)))


def test_linear_contributions_are_coefficients_times_what_lies_beyond_the_mean(by_name, training, unseen):
    prepared, _ = inputs(unseen, registry()["logistic"])
    seen, _ = inputs(training, registry()["logistic"])
    fitted = by_name("logistic")
    slope = fitted.pipelines[0][-1].coef_[0] / seen.std(0, dtype=np.float64)
    beyond = prepared - seen.mean(0, dtype=np.float64)
    assert run(explain(fitted).graph, prepared) == pytest.approx(slope * beyond, abs=1e-4)


def test_a_blends_contributions_are_the_weighted_mean_of_its_members(by_name, unseen):
    prepared, _ = inputs(unseen, registry()["blend-of-three"])
    blend, *members = (explain(by_name(name)) for name in ("blend-of-three", "lightgbm", "xgboost", "perceptrons"))
    each = [run(member.graph, prepared) for member in members]
    assert run(blend.graph, prepared) == pytest.approx(np.average(each, axis=0, weights=[2, 2, 1]), abs=1e-5)
    bases = [member.reasons.base for member in members]
    assert blend.reasons.base == pytest.approx(np.average(bases, weights=[2, 2, 1]), abs=1e-9)


@pytest.mark.parametrize("name", ["forest", *WITHOUT, "blend"])
def test_what_has_no_exact_graph_is_explained_by_occlusion_and_says_so(training, name):
    members = (registry()["logistic"], registry()["lightgbm-defaults"])
    blend = registry()["blend-of-two"].model_copy(update={"members": members})
    candidate = {"forest": REFERENCE, "blend": blend}.get(name) or registry()[name]
    explained = explain(fit(candidate, *inputs(training, candidate), WEIGHT, SEED))
    assert explained.graph is None
    assert explained.reasons.base is None
    assert set(explained.reasons.methods.values()) == {OCCLUSION}
    assert set(explained.reasons.methods) == {part.estimator for part in candidate.members or (candidate,)}
