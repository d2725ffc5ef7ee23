import numpy as np
import pytest

from fraud import bundle, schema
from fraud.dataset import split
from fraud.learn import recipe, threshold
from fraud.learn.candidates import registry
from fraud.learn.explain import explain
from fraud.learn.export import to_graph
from fraud.learn.selection import Frame, cross_validate
from fraud.learn.tuning import tune
from fraud.metrics.weights import legitimate_weight
from fraud.settings import Settings

LABEL = schema.LABEL.name
FEATURES = list(schema.FEATURES)
CHOSEN = registry()["lightgbm"]


@pytest.fixture(scope="module")
def told():
    return Settings(folds=2, jobs=1, seed=5)


@pytest.fixture(scope="module")
def frame(draw):
    return draw(900, 80, 41)


@pytest.fixture(scope="module")
def weight(frame):
    return legitimate_weight((frame[LABEL] == 0).sum(), frame[LABEL].sum(), 0.01)


@pytest.fixture(scope="module")
def fitted(frame, told, weight):
    return recipe.fit(frame, told, weight, CHOSEN)


def digest(fitted, folder):
    """Of the bundle that this would ship as, on data of always the same digest."""
    explained = explain(fitted.model)
    manifest = bundle.Manifest(
        name=fitted.model.candidate.name,
        protocol="random",
        output=fitted.model.candidate.output,
        time=fitted.model.candidate.time,
        calibration=fitted.calibration,
        thresholds=fitted.thresholds,
        reasons=explained.reasons,
        features=fitted.features,
        training={"data": {"digest": "0"}},
        selection=fitted.selection,
        provenance={},
    )
    return bundle.write(folder, to_graph(fitted.model), manifest, explained.graph).digest


def test_rows_that_judge_have_no_part_in_the_bundle(frame, told, tmp_path):
    """The labels and the features of the rows kept apart become others, and not a bit of the bundle changes."""
    rows = split.random_split(frame, told.test_share, told.seed)
    poisoned = frame.copy()
    poisoned.loc[rows.test, LABEL] = 1 - poisoned.loc[rows.test, LABEL]
    poisoned.loc[rows.test, FEATURES] = 1e6
    before, after = (
        digest(recipe.fit(data.iloc[rows.train], told, 0.2, CHOSEN), tmp_path / str(i))
        for i, data in enumerate((frame, poisoned))
    )
    assert before == after
    # The rows that train do have a part in it.
    poisoned = frame.copy()
    poisoned.loc[rows.train[0], "V1"] += 1
    assert digest(recipe.fit(poisoned.iloc[rows.train], told, 0.2, CHOSEN), tmp_path / "2") != before


def test_neither_the_jobs_nor_the_hour_change_the_digest(fitted, frame, told, weight, tmp_path):
    again = recipe.fit(frame, told.model_copy(update={"jobs": 2}), weight, CHOSEN)
    assert digest(again, tmp_path / "two") == digest(fitted, tmp_path / "one")


def test_calibration_and_thresholds_come_from_out_of_fold_scores(fitted, frame, told, weight):
    folds = list(split.folds(frame, told.folds, told.seed))
    (trial,) = cross_validate((CHOSEN,), Frame(frame, weight, told.seed), folds)
    probability = fitted.calibration.apply(trial.out_of_fold)
    label = frame[LABEL].to_numpy()
    for target, chosen in (
        (told.target_precision, fitted.thresholds.review),
        (told.decline_precision, fitted.thresholds.decline),
    ):
        expected = threshold.highest_recall(probability, label, weight, target)
        assert chosen == (expected.threshold if expected.reached else None)
    assert fitted.thresholds.review <= fitted.thresholds.decline
    total = (np.where(label == 1, 1.0, weight) * probability).sum()
    assert total == pytest.approx(label.sum(), rel=1e-3)


def test_the_rule_of_the_settings_reaches_the_bundle(fitted, frame, told, weight, tmp_path):
    by_amount = told.model_copy(update={"threshold_rule": "by_amount", "analyst_cost": 4.0, "alert_capacity": 0.002})
    other = recipe.fit(frame, by_amount, weight, CHOSEN)
    assert other.thresholds.by_amount.costs == by_amount.costs
    assert other.thresholds.by_amount.alert_price > 0
    assert other.calibration == fitted.calibration
    assert digest(other, tmp_path / "by") != digest(fitted, tmp_path / "fitted")


def test_a_precision_out_of_reach_declines_nothing(draw, told):
    frame = draw(500, 40, 44)
    frame[LABEL] = np.random.default_rng(0).permutation(frame[LABEL])
    assert recipe.fit(frame, told, 50.0, CHOSEN).thresholds.decline is None


def test_the_pipelines_own_answer_does_not_read_the_label(fitted, frame):
    with_label = fitted.probability(frame)
    assert np.array_equal(with_label, fitted.probability(frame.drop(columns=LABEL)))
    assert ((with_label > 0) & (with_label < 1)).all()


def test_the_ranges_are_those_of_training_in_raw_units(fitted, frame):
    for name in schema.FEATURES:
        assert (fitted.features[name].low, fitted.features[name].high) == (frame[name].min(), frame[name].max())
        assert fitted.features[name].median == frame[name].median()


def test_progress_is_told_as_often_as_announced(frame, told, weight):
    calls = []
    blend = registry()["logistic"].model_copy(
        update={"members": (registry()["logistic"], registry()["logistic-undersampled"])}
    )
    recipe.fit(frame, told, weight, blend, lambda: calls.append(1))
    assert len(calls) == recipe.steps(told, blend) == 2 * 2 + 1


def test_the_logistic_regression_is_calibrated_and_decides_by_the_rule_of_the_settings(
    frame, told, weight, monkeypatch
):
    """All as the model is, but for its penalty, which is looked for among the same rows."""
    tuning = []

    def watched(candidate, asked, folds):
        # Few rows seldom tell penalties apart beyond chance: as if these had.
        found = tune(candidate, asked, folds).model_copy(update={"parameters": {"C": 0.0123}})
        tuning.append((candidate, asked.rows, found))
        return found

    monkeypatch.setattr(recipe, "tune", watched)
    by_cost = told.model_copy(update={"threshold_rule": "cost", "analyst_cost": 4.0})
    steps = []
    fitted = recipe.fit_logistic(frame, by_cost, weight, lambda: steps.append(1))
    assert len(steps) == recipe.logistic_steps(by_cost)
    ((start, rows, found),) = tuning
    assert start == registry()["logistic"]
    assert rows.equals(frame)
    tuned = fitted.model.candidate
    assert fitted.model.pipelines[0][-1].C == fitted.selection["tuned"]["C"] == 0.0123
    assert tuned == found
    alone = recipe.fit(frame, by_cost, weight, tuned)
    assert (fitted.calibration, fitted.thresholds) == (alone.calibration, alone.thresholds)
    assert fitted.thresholds != recipe.fit_logistic(frame, told, weight).thresholds


def test_the_reference_is_the_blog_posts_forest(frame, told):
    fitted = recipe.fit_reference(frame, told)
    assert len(fitted.model.pipelines[0][-1].estimators_) == 100
    assert fitted.calibration is None
    assert (fitted.thresholds.review, fitted.thresholds.decline) == (0.505, None)
    assert (fitted.model.candidate.time, fitted.model.candidate.output) == ("as given", "probability")
