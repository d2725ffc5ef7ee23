import re
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from fraud import bundle, schema, scorer
from fraud.costs import CostModel
from fraud.errors import UsageError
from fraud.features import prepare
from fraud.scorer import Scorer

TIME = schema.FEATURES.index(schema.TIME.name)
AMOUNT = schema.FEATURES.index(schema.AMOUNT.name)


@pytest.fixture(scope="module")
def scoring(bundle_folder):
    return Scorer(bundle_folder)


@pytest.fixture(scope="module")
def raw(draw):
    return draw(800, 80, 4)[list(schema.FEATURES)].to_numpy()


def test_the_probability_is_the_calibrated_output_of_the_graph(scoring, raw, bundle_folder):
    graph = onnxruntime.InferenceSession(bundle_folder / bundle.MODEL, providers=["CPUExecutionProvider"])
    log_odds = graph.run(None, {"transactions": prepare(raw, "of day")})[0][:, 0].astype(np.float64)
    assert scoring.probability(raw) == pytest.approx(1 / (1 + np.exp(-log_odds)), rel=1e-12)


def test_decisions_follow_from_the_thresholds(scoring, raw):
    scores = scoring.score(raw)
    review, decline = 0.5, 0.9
    for i, probability in enumerate(scores.probability):
        expected = "decline" if probability >= decline else "review" if probability >= review else "approve"
        assert scores.decision[i] == expected
        assert scores.prediction[i] == (expected != "approve")
        assert scores.threshold[i] == (decline if expected == "decline" else review)
    assert set(scores.decision) == {"approve", "review", "decline"}


def test_a_score_at_the_threshold_is_flagged(bundle_folder, tmp_path, raw):
    probability = np.sort(Scorer(bundle_folder).probability(raw))
    read = bundle.read(bundle_folder)
    at = bundle.Thresholds(review=float(probability[700]), decline=float(probability[750]))
    bundle.write(tmp_path / "at", read.model, read.manifest.model_copy(update={"thresholds": at}))
    scores = Scorer(tmp_path / "at").score(raw)
    assert scores.prediction.sum() == 100
    assert (scores.decision == "decline").sum() == 50


@pytest.mark.parametrize(("review", "decline", "price"), [(0.0, 0.0, 0.0), (0.3, 0.6, 0.0), (0.0, None, 4.0)])
def test_thresholds_by_amount_are_applied_to_each_transaction(bundle_folder, tmp_path, raw, review, decline, price):
    read = bundle.read(bundle_folder)
    rule = bundle.ByAmount(costs=CostModel(fraud_fee=1, analyst_cost=2), alert_price=price)
    by_amount = bundle.Thresholds(review=review, decline=decline, by_amount=rule)
    bundle.write(tmp_path / "by", read.model, read.manifest.model_copy(update={"thresholds": by_amount}))
    scores = Scorer(tmp_path / "by").score(raw)
    for i, amount in enumerate(raw[:, AMOUNT]):
        alert, refuse = (float(t[0]) for t in rule.costs.thresholds(np.array([amount]), price))
        alert = max(alert, review)
        refuse = np.inf if decline is None else max(refuse, decline, alert)
        p = scores.probability[i]
        assert scores.decision[i] == ("decline" if p >= refuse else "review" if p >= alert else "approve")
        assert scores.prediction[i] == (scores.decision[i] != "approve")
        assert scores.threshold[i] == pytest.approx(refuse if scores.decision[i] == "decline" else alert, rel=1e-12)
    assert len(set(scores.threshold)) > 100
    assert set(scores.decision) == ({"approve", "review", "decline"} if decline is not None else {"approve", "review"})


def test_the_same_probability_may_be_approved_of_a_small_amount_and_not_of_a_large_one(bundle_folder, tmp_path, raw):
    read = bundle.read(bundle_folder)
    rule = bundle.ByAmount(costs=CostModel(), alert_price=0)
    by_amount = bundle.Thresholds(review=0, decline=0, by_amount=rule)
    flat = bundle.Thresholds(review=0.5, decline=None)
    for name, thresholds in (("by", by_amount), ("flat", flat)):
        bundle.write(tmp_path / name, read.model, read.manifest.model_copy(update={"thresholds": thresholds}))
    by, same = Scorer(tmp_path / "by").score(raw), Scorer(tmp_path / "flat").score(raw)
    assert np.array_equal(by.probability, same.probability)
    alerted = by.probability[by.prediction == 1]
    passed = by.probability[by.prediction == 0]
    assert alerted.min() < passed.max()


def test_without_a_threshold_for_it_nothing_is_declined(bundle_folder, tmp_path, raw):
    read = bundle.read(bundle_folder)
    never = bundle.Thresholds(review=0.5, decline=None)
    bundle.write(tmp_path / "never", read.model, read.manifest.model_copy(update={"thresholds": never}))
    assert set(Scorer(tmp_path / "never").score(raw).decision) == {"approve", "review"}


@pytest.mark.parametrize("days", [1, 3, 1_000])
def test_whole_days_that_passed_change_nothing(scoring, raw, days):
    later = raw.copy()
    later[:, TIME] += days * schema.SECONDS_PER_DAY
    assert np.array_equal(scoring.probability(later), scoring.probability(raw))
    assert scoring.reasons(later[:1]) != [[]]
    contributions = [[r.contribution for r in scoring.reasons(rows[:1], 30)[0]] for rows in (raw, later)]
    assert contributions[0] == contributions[1]


def test_a_row_answers_alike_alone_in_company_and_across_batches(scoring, raw, monkeypatch):
    together = scoring.probability(raw)
    alone = [scoring.probability(row[None])[0] for row in raw[:50]]
    assert together[:50] == pytest.approx(alone, abs=1e-6)
    monkeypatch.setattr(scorer, "_BATCH", 7)
    assert scoring.probability(raw) == pytest.approx(together, abs=1e-6)


@pytest.mark.parametrize("name", ["model", "reference", "logistic"])
def test_one_of_pythons_numbers_answers_as_its_row_does(finished_run, raw, name):
    """To the last bit: calibrated log-odds, a forest's own probabilities, and those of a bundle of another kind."""
    scoring = Scorer(finished_run.build / name)
    for row in raw:
        assert_alike(scoring.score_one(row.tolist()), scoring.score(row[None]))


def test_one_is_decided_by_its_amount_too(bundle_folder, tmp_path, raw):
    read = bundle.read(bundle_folder)
    rule = bundle.ByAmount(costs=CostModel(), alert_price=1.0)
    by_amount = bundle.Thresholds(review=0.01, decline=0.2, by_amount=rule)
    bundle.write(tmp_path / "by", read.model, read.manifest.model_copy(update={"thresholds": by_amount}))
    scoring = Scorer(tmp_path / "by")
    ones = [scoring.score_one(row.tolist()) for row in raw]
    for one, row in zip(ones, raw, strict=True):
        assert_alike(one, scoring.score(row[None]))
    assert {one.decision for one in ones} == {"approve", "review", "decline"}
    assert len({one.threshold for one in ones}) > 100


@settings(deadline=None, derandomize=True, database=None)
@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=30, max_size=30)
    | st.lists(st.floats(-50, 50), min_size=28, max_size=32)
)
def test_what_one_answers_or_refuses_its_row_does(scoring, values):
    try:
        expected = scoring.score([values])
    except ValueError as error:
        with pytest.raises(ValueError, match=re.escape(str(error))):
            scoring.score_one(values)
    else:
        assert_alike(scoring.score_one(values), expected)


def test_threads_that_ask_one_by_one_do_not_mix(scoring, raw):
    expected = [scoring.score_one(row.tolist()) for row in raw]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda row: scoring.score_one(row.tolist()), [*raw] * 5)) == expected * 5


def test_more_threads_answer_alike(scoring, raw, bundle_folder):
    assert Scorer(bundle_folder, threads=2).probability(raw) == pytest.approx(scoring.probability(raw), abs=1e-7)


def test_the_largest_numbers_are_answered(scoring):
    rng = np.random.default_rng(1)
    scores = scoring.score(rng.choice([-3.4e38, 3.4e38, 1e-40], (500, 30)))
    assert np.isfinite(scores.probability).all()
    row = rng.choice([-3.4e38, 3.4e38], 30)
    assert np.isfinite([reason.contribution for reason in scoring.reasons(row[None], most=30)[0]]).all()


def test_no_transactions_have_no_scores(scoring):
    scores = scoring.score(np.empty((0, 30)))
    assert [len(part) for part in vars(scores).values()] == [0, 0, 0, 0]


def test_reasons_are_what_each_feature_at_its_median_would_have_changed(scoring, raw):
    row = raw[3]
    medians = [scoring.manifest.features[name].median for name in schema.FEATURES]

    def log_odds(transaction):
        probability = scoring.probability(transaction[None])[0]
        return np.log(probability / (1 - probability))

    expected = {}
    for i, name in enumerate(schema.FEATURES):
        without = row.copy()
        without[i] = medians[i]
        expected[name] = log_odds(row) - log_odds(without)
    reasons = scoring.reasons(row[None], most=5)[0]
    strongest = sorted(expected, key=lambda name: -abs(expected[name]))[:5]
    assert [reason.feature for reason in reasons] == strongest
    for reason in reasons:
        assert reason.contribution == pytest.approx(expected[reason.feature], abs=1e-4)
        assert reason.value == row[schema.FEATURES.index(reason.feature)]
    assert len(scoring.reasons(row[None])[0]) == 3


def test_a_bundle_without_a_graph_of_reasons_calls_them_an_approximation(scoring):
    assert set(scoring.manifest.reasons.methods.values()) == {bundle.OCCLUSION}
    assert scoring.manifest.reasons.base is None


CALIBRATIONS = {
    "none": None,
    "linear": bundle.Calibration(slope=1.3, intercept=-0.4),
    "bent": bundle.Calibration(slope=0.8, slope_above=1.7, intercept=0.5),
}


@pytest.fixture(scope="module", params=CALIBRATIONS)
def explaining(request, finished_run, tmp_path_factory):
    """The recipe's own bundle, calibrated in each way."""
    read = bundle.read(finished_run.build / "model")
    assert set(read.manifest.reasons.methods) == {"lightgbm", "perceptrons"}
    calibrated = read.manifest.model_copy(update={"calibration": CALIBRATIONS[request.param]})
    folder = tmp_path_factory.mktemp("explained") / "model"
    bundle.write(folder, read.model, calibrated, read.reasons)
    return Scorer(folder)


def test_contributions_and_calibrated_base_add_up_to_the_calibrated_log_odds(explaining, raw, finished_run):
    graph = onnxruntime.InferenceSession(finished_run.build / "model/model.onnx", providers=["CPUExecutionProvider"])
    margin = graph.run(None, {"transactions": prepare(raw, "of day")})[0][:, 0].astype(np.float64)
    calibration, base = explaining.manifest.calibration, np.array(explaining.manifest.reasons.base)
    contributions = explaining.contributions(raw)
    assert contributions.shape == raw.shape
    assert contributions.dtype == np.float64
    expected, start = (margin, base) if calibration is None else map(calibration.log_odds, (margin, base))
    assert contributions.sum(axis=1) + start == pytest.approx(expected, abs=1e-4)
    assert margin.max() > base > margin.min()


def test_calibration_scales_all_contributions_of_a_transaction_alike(explaining, raw, finished_run):
    graph = onnxruntime.InferenceSession(finished_run.build / "model/reasons.onnx", providers=["CPUExecutionProvider"])
    uncalibrated = graph.run(None, {"transactions": prepare(raw, "of day")})[0].astype(np.float64)
    contributions = explaining.contributions(raw)
    scale = (contributions * uncalibrated).sum(1) / (uncalibrated**2).sum(1)
    assert contributions == pytest.approx(scale[:, None] * uncalibrated, abs=1e-9)
    calibration = explaining.manifest.calibration
    low, high = (1, 1) if calibration is None else (calibration.slope, calibration.slope_above or calibration.slope)
    assert (scale >= low - 1e-9).all()
    assert (scale <= high + 1e-9).all()


def test_reasons_are_the_strongest_contributions(explaining, raw):
    contributions = explaining.contributions(raw[:40])
    reasons = explaining.reasons(raw[:40], most=4)
    assert len(reasons) == 40
    for row, each, named in zip(raw, contributions, reasons, strict=False):
        found = [schema.FEATURES.index(reason.feature) for reason in named]
        assert len(set(found)) == 4
        assert [reason.contribution for reason in named] == each[found].tolist()
        assert [reason.value for reason in named] == row[found].tolist()
        strengths = np.abs(each[found])
        assert (np.diff(strengths) <= 0).all()
        assert strengths[-1] >= np.abs(np.delete(each, found)).max()
    assert [len(named) for named in explaining.reasons(raw[:5])] == [3] * 5


@pytest.mark.parametrize("explained", [True, False])
def test_a_row_is_explained_alike_alone_in_company_and_across_batches(
    scoring, finished_run, raw, monkeypatch, explained
):
    scorer_ = Scorer(finished_run.build / "model") if explained else scoring
    together = scorer_.contributions(raw[:50])
    assert np.concatenate([scorer_.contributions(row[None]) for row in raw[:50]]) == pytest.approx(together, abs=2e-5)
    monkeypatch.setattr(scorer, "_BATCH_OF_REASONS", 7)
    assert scorer_.contributions(raw[:50]) == pytest.approx(together, abs=2e-5)
    assert scorer_.contributions(np.empty((0, 30))).shape == (0, 30)
    assert scorer_.reasons(np.empty((0, 30))) == []
    with pytest.raises(ValueError, match=r"transactions have shape \(30,\)"):
        scorer_.reasons(raw[0])


def test_whole_days_that_passed_explain_nothing(finished_run, raw):
    explaining = Scorer(finished_run.build / "model")
    later = raw.copy()
    later[:, TIME] += 3 * schema.SECONDS_PER_DAY
    assert np.array_equal(explaining.contributions(later), explaining.contributions(raw))


def test_the_largest_numbers_are_explained(explaining):
    rows = np.random.default_rng(1).choice([-3.4e38, 3.4e38, 1e-40], (500, 30))
    assert np.isfinite(explaining.contributions(rows)).all()


def test_contributions_beyond_all_numbers_are_refused(bundle_folder, tmp_path):
    read = bundle.read(bundle_folder)
    manifest = read.manifest.model_copy(update={"reasons": bundle.Reasons(methods={}, base=0.0)})
    bundle.write(tmp_path / "m", read.model, manifest, scaling("Identity", 30))
    rows = np.zeros((3, 30))
    rows[1, 4] = 1e30
    with pytest.raises(ValueError, match="no answer for transaction 1: its values are too large"):
        Scorer(tmp_path / "m").contributions(rows)


def test_an_answer_beyond_all_numbers_is_refused(bundle_folder, tmp_path):
    bundle.write(tmp_path / "m", scaling("ReduceSum", 1), bundle.read(bundle_folder).manifest)
    scoring = Scorer(tmp_path / "m")
    rows = np.zeros((3, 30))
    rows[1, 4] = 1e30
    with pytest.raises(ValueError, match="no answer for transaction 1: its values are too large"):
        scoring.score(rows)
    with pytest.raises(ValueError, match="no answer for transaction 0: its values are too large"):
        scoring.score_one(rows[1].tolist())


def test_a_model_that_answers_one_way_alone_and_another_in_a_row_fails_its_own_test(bundle_folder, tmp_path):
    """Here each time another."""
    bundle.write(tmp_path / "m", scaling("ReduceSum", 1, "RandomNormalLike"), bundle.read(bundle_folder).manifest)
    scoring = Scorer(tmp_path / "m")
    assert scoring.score(np.zeros((1, 30))).probability != scoring.score(np.zeros((1, 30))).probability
    with pytest.raises(UsageError, match=r"answers 0\.\d+ and 0\.\d+: remove that bundle and run `make train`"):
        scoring.self_test()


def scaling(operator, width, after="Identity"):
    """A graph that multiplies by 1e10, after one operator and before another."""
    inputs = {"ReduceSum": ["transactions", "axis"], "Identity": ["transactions"]}[operator]
    nodes = [
        helper.make_node(operator, inputs, ["made"]),
        helper.make_node("Mul", ["made", "factor"], ["scaled"]),
        helper.make_node(after, ["scaled"], ["answer"]),
    ]
    given = helper.make_tensor_value_info("transactions", TensorProto.FLOAT, [None, 30])
    answer = helper.make_tensor_value_info("answer", TensorProto.FLOAT, [None, width])
    constants = [
        helper.make_tensor("factor", TensorProto.FLOAT, [1], [1e10]),
        helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
    ]
    graph = helper.make_graph(nodes, "scaling", [given], [answer], constants)
    opset = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()


def test_a_transaction_at_every_median_has_no_reasons(scoring):
    medians = [scoring.manifest.features[name].median for name in schema.FEATURES]
    assert scoring.reasons([medians]) == [[]]


def test_a_model_of_probabilities_is_taken_at_its_word(finished_run):
    """The reference answers with its share of votes, and its reasons are still in log-odds."""
    scoring = Scorer(finished_run.build / "reference")
    rows = np.zeros((5, 30))
    rows[0, schema.FEATURES.index("V14")] = -8
    probability = scoring.probability(rows)
    assert probability == pytest.approx(np.round(probability * 100) / 100, abs=1e-6)
    assert scoring.reasons(rows)[0][0].feature == "V14"


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e39])
def test_what_is_not_finite_is_refused(scoring, raw, wrong):
    rows = raw.copy()
    rows[2, 5] = wrong
    with pytest.raises(ValueError, match="V5 of transaction 2"):
        scoring.score(rows)


def test_a_sealed_bundle_whose_model_is_no_graph_is_refused(bundle_folder, tmp_path):
    bundle.write(tmp_path / "m", b"no graph", bundle.read(bundle_folder).manifest)
    with pytest.raises(UsageError, match=r"model\.onnx can't be run .*make train"):
        Scorer(tmp_path / "m")


def test_a_sealed_bundle_whose_reasons_are_no_graph_is_refused(finished_run, tmp_path):
    read = bundle.read(finished_run.build / "model")
    bundle.write(tmp_path / "m", read.model, read.manifest, b"no graph")
    with pytest.raises(UsageError, match=r"reasons\.onnx can't be run .*make train"):
        Scorer(tmp_path / "m")


@pytest.mark.parametrize(("name", "told"), [(bundle.MODEL, "is not the model"), (bundle.REASONS, "is not the graph")])
def test_a_changed_bundle_is_refused(finished_run, tmp_path, name, told):
    folder = shutil.copytree(finished_run.build / "model", tmp_path / "m")
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(UsageError, match=told):
        Scorer(folder)


def test_a_model_that_answers_passes_its_own_test(scoring, finished_run):
    scoring.self_test()
    Scorer(finished_run.build / "model").self_test()


def test_a_model_that_does_not_answer_fails_its_own_test(mute_bundle):
    with pytest.raises(UsageError, match=r"does not answer .*make train"):
        Scorer(mute_bundle).self_test()


def test_an_answer_that_is_no_probability_fails_a_models_own_test(bundle_folder, tmp_path):
    read = bundle.read(bundle_folder)
    bundle.write(tmp_path / "m", read.model, read.manifest.model_copy(update={"calibration": None}))
    with pytest.raises(UsageError, match=r"answers -.*, which is no probability"):
        Scorer(tmp_path / "m").self_test()


def test_reasons_that_are_not_answered_fail_a_models_own_test(bundle_folder, tmp_path):
    """A graph of reasons with one column in place of thirty."""
    read = bundle.read(bundle_folder)
    manifest = read.manifest.model_copy(update={"reasons": bundle.Reasons(methods={}, base=0.0)})
    bundle.write(tmp_path / "m", read.model, manifest, reasons=read.model)
    with pytest.raises(UsageError, match="does not answer"):
        Scorer(tmp_path / "m").self_test()


def test_a_bundle_is_tried_as_it_was_read(write_bundle, tmp_path, mute_bundle):
    for name, intercept in (("first", 0), ("second", 1)):
        write_bundle(tmp_path / name, intercept)
    first = bundle.read(tmp_path / "first").manifest
    assert scorer.tried(tmp_path / "first", first).manifest == first
    with pytest.raises(UsageError, match="second was changed while it was read"):
        scorer.tried(tmp_path / "second", first)
    with pytest.raises(UsageError, match="does not answer"):
        scorer.tried(mute_bundle, bundle.read(mute_bundle).manifest)


def assert_alike(one, scores):
    assert tuple(one) == tuple(column[0] for column in vars(scores).values())
    assert [type(value) for value in one] == [float, int, str, float]
