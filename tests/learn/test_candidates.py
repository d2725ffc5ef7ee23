"""One contract for every candidate and the reference; what it needs that they do not share stands at its end."""

import numpy as np
import onnxruntime
import pytest
from catboost import CatBoostError
from imblearn.pipeline import Pipeline
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from fraud import schema
from fraud.errors import UsageError
from fraud.features import prepare
from fraud.learn import export
from fraud.learn.candidates import REFERENCE, REFERENCE_THRESHOLD, fit, registry
from fraud.learn.selection import inputs

TIME = schema.FEATURES.index(schema.TIME.name)
SEED = 11
WEIGHT = 3.0
SERVED = [candidate for candidate in registry().values() if candidate.servable]


@pytest.fixture(scope="module")
def training(draw):
    return draw(700, 60, 21)


@pytest.fixture(scope="module")
def unseen(draw):
    return draw(500, 40, 22)


@pytest.fixture(scope="module", params=[*SERVED, REFERENCE], ids=lambda candidate: candidate.name)
def candidate(request):
    return request.param


@pytest.fixture(scope="module")
def fitted(candidate, training):
    return fit(candidate, *inputs(training, candidate), WEIGHT, SEED)


@pytest.fixture(scope="module")
def graph(candidate, fitted):
    return export.to_graph(fitted)


def probability(candidate, answered):
    return answered if candidate.output == "probability" else 1 / (1 + np.exp(-np.clip(answered, -700, 700)))


def run(graph, prepared):
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {"transactions": prepared})
    return answer


def largest_difference(candidate, fitted, graph, prepared):
    """In probability, between the graph and the pipeline that it was made from."""
    ours = run(graph, prepared)
    assert ours.shape == (len(prepared), 1)
    assert ours.dtype == np.float32
    answers = ours[:, 0].astype(np.float64), fitted.output(prepared)
    return np.abs(probability(candidate, answers[0]) - probability(candidate, answers[1])).max()


def test_it_builds_an_unfitted_pipeline_that_ends_in_its_model(candidate):
    for part in candidate.members or (candidate,):
        pipeline = part.build(SEED)
        assert isinstance(pipeline, Pipeline)
        assert pipeline.steps[-1][0] == "model"
        with pytest.raises((NotFittedError, CatBoostError)):
            pipeline[-1].predict_proba(np.zeros((1, 30)))
        assert part.build(SEED) is not pipeline
    assert candidate.description


def test_it_learns(candidate, fitted, unseen):
    prepared, label = inputs(unseen, candidate)
    answered = fitted.output(prepared)
    assert answered.dtype == np.float64
    assert np.mean(answered[label == 1]) > np.mean(answered[label == 0])
    ranks = answered.argsort().argsort()
    assert ranks[label == 1].mean() > 350


def test_the_seed_decides_all_of_it(candidate, fitted, training, unseen, graph):
    prepared, label = inputs(training, candidate)
    again = fit(candidate, prepared.copy(), label.copy(), WEIGHT, SEED)
    assert export.to_graph(again) == graph
    shown, _ = inputs(unseen, candidate)
    assert np.array_equal(again.output(shown), fitted.output(shown))


def test_the_same_pipeline_is_exported_to_the_same_bytes(candidate, fitted, graph):
    assert export.to_graph(fitted) == graph


def test_the_graph_answers_as_the_pipeline(candidate, fitted, graph, training, unseen):
    for frame in (training, unseen):
        prepared, _ = inputs(frame, candidate)
        assert largest_difference(candidate, fitted, graph, prepared) <= 1e-5


@pytest.mark.parametrize("rows", [1, 2, 500])
def test_the_graph_takes_any_number_of_rows(candidate, graph, unseen, rows):
    prepared, _ = inputs(unseen, candidate)
    assert run(graph, prepared[:rows])[:, 0] == pytest.approx(run(graph, prepared)[:rows, 0], abs=1e-5)


@pytest.mark.parametrize("value", [0.0, -0.0, 1e-38, 150.0, -150.0, 30_000.0, 1e6, -1e6, 1e30, 3.4e38, -3.4e38])
def test_extreme_values_are_answered_alike_and_finitely(candidate, fitted, graph, unseen, value):
    rows = unseen.head(31).copy()
    for i, name in enumerate(schema.FEATURES):
        rows.loc[rows.index[i], name] = value
    prepared, _ = inputs(rows, candidate)
    with np.errstate(over="ignore"):
        answered = run(graph, prepared)
        assert not np.isnan(answered).any()
        assert largest_difference(candidate, fitted, graph, prepared) <= 1e-5


@pytest.mark.parametrize("name", schema.FEATURES)
def test_values_at_a_threshold_of_training_fall_on_the_same_side(candidate, fitted, graph, training, name):
    """Rows between two neighbouring float32 values of training, where a rounded split would part them otherwise."""
    prepared, _ = inputs(training.head(40), candidate)
    column = schema.FEATURES.index(name)
    near = np.concatenate([np.nextafter(prepared, np.float32(s)) for s in (-np.inf, np.inf)])
    prepared = np.tile(prepared, (2, 1))
    prepared[:, column] = near[:, column]
    assert largest_difference(candidate, fitted, graph, prepared) <= 1e-5


def test_resampling_happens_in_fitting_only(candidate, fitted, training):
    prepared, label = inputs(training, candidate)
    assert len(fitted.output(prepared)) == len(prepared)
    for part, pipeline in zip(candidate.members or (candidate,), fitted.pipelines, strict=True):
        resamplers = [step for _, step in pipeline.steps if hasattr(step, "fit_resample")]
        assert len(resamplers) == (part.resample is not None)
        if not resamplers:
            continue
        (step,) = resamplers
        few = np.flatnonzero(label == 1)[:5]
        kept = np.r_[np.flatnonzero(label == 0), few]
        _, left = clone(step).fit_resample(prepared[kept], label[kept])
        assert np.bincount(left).tolist() == [5 * part.legitimate_a_fraud, 5]
        _, left = clone(step).fit_resample(prepared, label)
        assert np.bincount(left).tolist() == np.bincount(label).tolist()


def test_a_days_shift_changes_nothing_but_for_the_reference(candidate, fitted, unseen):
    later = unseen.assign(**{schema.TIME.name: unseen[schema.TIME.name] + 3 * schema.SECONDS_PER_DAY})
    now, then = (inputs(frame, candidate)[0] for frame in (unseen, later))
    assert np.array_equal(now, then) == (candidate.time == "of day")
    assert (candidate.time == "as given") == (candidate is REFERENCE)


@pytest.mark.parametrize(
    ("head", "told"),
    [
        ('["a/b"]', "a/b.name: String should match pattern"),
        ('["of two words"]', "of two words.name: String should match pattern"),
        ("[one]\ntrees = 3", "one.trees: Extra inputs are not permitted"),
        ("[one]\ncounts = [1]", "one: Value error, one: counts need"),
        ('[one]\nengineered = ["shape"]', "one.engineered.0: Input should be 'amount', 'hour', "),
    ],
)
def test_a_candidate_that_is_wrong_is_one_line_when_the_registry_is_read(head, told, tmp_path):
    path = tmp_path / "candidates.toml"
    path.write_text(f'{head}\ndescription = "wrong"\n')
    with pytest.raises(UsageError) as refused:
        registry(path)
    assert str(refused.value).startswith(f"{path}: {told}")
    assert "\n" not in str(refused.value)


def test_the_reference_is_no_candidate_and_what_can_not_be_served_is_not_selected():
    assert REFERENCE.name not in registry()
    assert {"log-odds"} == {candidate.output for candidate in SERVED}
    assert "extra-trees" in set(registry()) - {candidate.name for candidate in SERVED}


def test_the_weight_reaches_those_that_ask_for_it(candidate, fitted, training, unseen):
    prepared, label = inputs(training, candidate)
    shown, _ = inputs(unseen, candidate)
    other = fit(candidate, prepared, label, 2 * WEIGHT, SEED)
    weighted = any(part.weighted for part in candidate.members or (candidate,))
    assert np.array_equal(other.output(shown), fitted.output(shown)) != weighted


def test_the_references_threshold_is_that_of_its_own_predict(training, draw):
    fitted = fit(REFERENCE, *inputs(training, REFERENCE), 1.0, SEED)
    frame = draw(6_000, 3_000, 23)
    # Half-way between a fraud and a legitimate row, trees disagree.
    features = frame[list(schema.FEATURES)].to_numpy()
    frauds, others = (features[frame[schema.LABEL.name] == label] for label in (1, 0))
    least = min(len(frauds), len(others))
    prepared = prepare((frauds[:least] + others[:least]) / 2, "as given")
    votes = fitted.output(prepared)
    assert {0.5, 0.51} <= set(votes.round(6))
    assert np.array_equal(votes >= REFERENCE_THRESHOLD, fitted.pipelines[0].predict(prepared) == 1)
