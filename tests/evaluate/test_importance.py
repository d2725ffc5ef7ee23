import numpy as np
import pytest

from fraud import schema
from fraud.evaluate import importance as module
from fraud.evaluate.importance import importance

SEED, DRAWS = 7, 100


@pytest.fixture
def judged(judged_rows):
    return judged_rows()


def test_what_the_answers_hang_on_is_found(judged):
    """The bundle was fitted on frauds that differ in V14 alone; here V4 differs, too, of which it knows nothing."""
    features = importance(judged, 1.0, DRAWS, SEED)["features"]
    assert list(features) == list(schema.FEATURES)
    for by in (lambda each: each["average_precision"]["value"], lambda each: each["contribution"]):
        assert max(features, key=lambda name, by=by: by(features[name])) == "V14"
    assert features["V14"]["average_precision"]["low"] > 0.2
    assert abs(features["V20"]["average_precision"]["value"]) < 0.05
    for each in features.values():
        figure = each["average_precision"]
        assert figure["low"] <= figure["value"] <= figure["high"]


def test_a_feature_that_gets_its_own_values_is_worth_nothing(judged, monkeypatch):
    """All rows alike but in V14: to take another's V1 changes nothing."""
    frame = judged.frame
    alike = frame.assign(**{name: 1.0 for name in schema.FEATURES if name != "V14"})
    changed = module.Judged(judged.train, judged.rows, alike, judged.scorers, {"model": _scores(judged, alike)}, [])
    features = importance(changed, 1.0, DRAWS, SEED)["features"]
    assert features["V1"]["average_precision"] == {"value": 0, "low": 0, "high": 0}
    assert features["V14"]["average_precision"]["value"] > 0


def test_the_loss_of_a_sample_is_that_of_all_rows(judged, monkeypatch):
    """A tenth of the legitimate rows, each counting for ten, tell the same up to chance."""
    whole = importance(judged, 1.0, DRAWS, SEED)
    assert whole["permuted"] == {"rows": 1_500, "frauds": int(judged.label.sum())}
    monkeypatch.setattr(module, "_PERMUTED", 142)
    part = importance(judged, 1.0, DRAWS, SEED)
    assert part["permuted"]["rows"] == 142 + judged.label.sum()
    of_whole, of_part = (each["features"]["V14"]["average_precision"]["value"] for each in (whole, part))
    assert of_part == pytest.approx(of_whole, abs=0.1)


def test_the_weight_counts(judged):
    one, other = (importance(judged, weight, DRAWS, SEED)["features"]["V14"] for weight in (1.0, 10.0))
    assert one["average_precision"]["value"] != other["average_precision"]["value"]
    assert one["contribution"] != other["contribution"]


def test_values_are_taken_from_rows_by_their_weight(judged):
    """Where legitimate rows count next to nothing, nearly all values that are given are frauds'."""
    taken = []
    original = module._without

    def spy(scorer, features, givers, column):
        taken.append(givers)
        return original(scorer, features, givers, column)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_without", spy)
        importance(judged, 1e-6, DRAWS, SEED)
    frauds = {row.tobytes() for row in judged.features[judged.label == 1]}
    assert np.mean([row.tobytes() in frauds for row in taken[0]]) > 0.98


def test_rows_are_drawn_among_those_that_stand_for_as_many(judged, monkeypatch):
    drawn_among = []
    original = module.bootstrap

    def spy(models, weight, draws, seed, strata):
        drawn_among.append(strata)
        return original(models, weight, draws, seed, strata)

    monkeypatch.setattr(module, "bootstrap", spy)
    monkeypatch.setattr(module, "_PERMUTED", 142)
    importance(judged, 1.0, DRAWS, SEED)
    assert len(drawn_among) == 5
    for legitimate, frauds in drawn_among:
        assert np.bincount(legitimate).tolist() == [71, 71]
        assert np.bincount(frauds).tolist() == [judged.label.sum()]


def test_the_effects_are_those_of_the_features_that_account_for_most(judged):
    found = importance(judged, 1.0, DRAWS, SEED)
    ranked = sorted(found["features"], key=lambda name: -found["features"][name]["average_precision"]["value"])
    assert list(found["effects"]) == ranked[:4]
    effect = found["effects"]["V14"]
    assert sum(effect["rows"]) == found["explained"]["rows"]
    assert effect["value"] == sorted(effect["value"])
    # In a logistic regression a contribution falls steadily where the coefficient is below 0.
    assert effect["contribution"] == sorted(effect["contribution"], reverse=True)


def test_it_is_the_same_again(judged):
    assert importance(judged, 1.0, DRAWS, SEED) == importance(judged, 1.0, DRAWS, SEED)
    assert importance(judged, 1.0, DRAWS, SEED) != importance(judged, 1.0, DRAWS, SEED + 1)


def _scores(judged, frame):
    return judged.scorers["model"].score(frame[list(schema.FEATURES)].to_numpy())
