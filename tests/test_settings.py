from pathlib import Path

import pytest
from pydantic import ValidationError

from checks import thresholds
from fraud import settings
from fraud.costs import CostModel
from fraud.errors import UsageError
from fraud.settings import Settings

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _alone(clean_settings):
    """No test here sees the settings of the shell that runs it."""


def test_a_variable_overrides_its_default(clean_settings):
    clean_settings(seed=7, build="elsewhere", prevalence=0.002, all_rows=1)
    loaded = settings.load()
    assert (loaded.seed, loaded.build, loaded.prevalence, loaded.all_rows) == (7, Path("elsewhere"), 0.002, True)


def test_an_empty_variable_is_none_at_all(clean_settings):
    clean_settings(prevalence="", seed="", data_source="")
    assert (settings.load().prevalence, settings.load().seed, settings.load().data_source) == (None, 42, "auto")


def test_they_are_read_once(clean_settings, monkeypatch):
    first = settings.load()
    monkeypatch.setenv("FRAUD_SEED", "99")
    assert settings.load() is first


def test_an_unknown_variable_is_named_with_those_that_are_known(clean_settings):
    clean_settings(sede=7)
    with pytest.raises(UsageError, match=r"unknown setting FRAUD_SEDE; known are .*FRAUD_SEED"):
        settings.load()


def test_an_unknown_key_is_refused():
    with pytest.raises(ValidationError, match="sede"):
        Settings(sede=7)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", "-1"),
        ("seed", "1.5"),
        ("seed", str(2**32)),
        ("jobs", "0"),
        ("folds", "1"),
        ("prevalence", "0"),
        ("prevalence", "1"),
        ("prevalence", "0,1"),
        ("prevalence", "nan"),
        ("test_share", "inf"),
        ("port", "70000"),
        ("data_source", "synthetic"),
        ("all_rows", "maybe"),
        ("twin_frauds", "3"),
        ("bootstrap_draws", "10"),
        ("threshold_rule", "money"),
        ("alert_capacity", "0"),
        ("fraud_fee", "0"),
        ("analyst_cost", "-1"),
        ("lost_custom_fixed", "inf"),
        ("review_loss_share", "2"),
    ],
)
def test_a_bad_value_is_named_with_its_variable(clean_settings, name, value):
    clean_settings(**{name: value})
    with pytest.raises(UsageError, match="a setting can't be used") as refused:
        settings.load()
    assert f"FRAUD_{name.upper()}='{value}'" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_declining_may_not_be_laxer_than_reviewing(clean_settings):
    clean_settings(target_precision=0.9, decline_precision=0.8)
    with pytest.raises(UsageError, match=r"FRAUD_DECLINE_PRECISION='0\.8': .*at least that of FRAUD_TARGET_PRECISION"):
        settings.load()


def test_the_champion_may_not_lie_where_the_new_run_is_built(clean_settings, tmp_path):
    """Training would overwrite it before anybody compared the two."""
    clean_settings(build=tmp_path / "build", baseline=tmp_path / "other" / ".." / "build")
    (tmp_path / "build").mkdir()
    (tmp_path / "other").mkdir()
    with pytest.raises(UsageError, match=r"FRAUD_BASELINE=.*is what this run overwrites: name another FRAUD_BUILD"):
        settings.load()
    clean_settings(baseline=tmp_path / "other")
    assert settings.load().baseline == tmp_path / "other"


def test_a_champion_that_is_not_there_is_told_before_anything_is_trained(clean_settings, tmp_path):
    clean_settings(baseline=tmp_path / "absent")
    with pytest.raises(UsageError, match=r"FRAUD_BASELINE='.*absent': .*not point to a directory"):
        settings.load()


def test_the_costs_are_those_that_were_told(clean_settings):
    assert Settings().costs == CostModel()
    clean_settings(analyst_cost=4, lost_custom_share=0.3, threshold_rule="by_amount")
    assert settings.load().costs == CostModel(analyst_cost=4, lost_custom_share=0.3)
    assert settings.load().recorded()["analyst_cost"] == 4


def test_they_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        Settings().seed = 7


def test_the_record_leaves_out_where_things_lie_and_how_they_are_served():
    recorded = Settings(prevalence=0.01).recorded()
    assert recorded["prevalence"] == 0.01
    assert recorded["seed"] == 42
    assert {"api_keys_file", "baseline", "build", "bundle", "data", "host", "port", "workers"}.isdisjoint(recorded)


@pytest.mark.parametrize("rate", ["1/second", "1000/minute", "1/hour", "999999999/day"])
def test_a_rate_is_a_number_in_a_time(clean_settings, rate):
    clean_settings(rate_limit=rate)
    assert settings.load().rate_limit == rate


@pytest.mark.parametrize(
    "rate", ["0/second", "-1/second", "1.5/second", "10", "10/week", "/day", "10 / day", "10day", "1/day\n"]
)
def test_another_rate_is_said(clean_settings, rate):
    clean_settings(rate_limit=rate)
    with pytest.raises(UsageError, match="FRAUD_RATE_LIMIT="):
        settings.load()


def test_a_password_is_not_told(clean_settings):
    clean_settings(rate_store="redis://:secret@localhost")
    assert "secret" not in str(settings.load())


def test_every_setting_says_what_it_is_for():
    assert all(field.description for field in Settings.model_fields.values())


def test_training_aims_at_a_higher_precision_than_the_gate_asks_for():
    gates = [g for g in thresholds.read().model if (g.protocol, g.metric) == ("random", "precision")]
    assert gates
    for gate in gates:
        assert Settings().target_precision >= gate.min + 0.05


def test_the_defaults_are_those_of_the_published_protocol():
    defaults = Settings()
    assert (defaults.test_share, defaults.seed, defaults.future_share) == (0.3, 42, 0.2)
    assert defaults.bootstrap_draws >= 1_000


def test_the_makefile_sets_only_variables_that_exist():
    named = {
        line.split()[1].removeprefix(settings.PREFIX).lower()
        for line in (ROOT / "Makefile").read_text().splitlines()
        if line.startswith(f"export {settings.PREFIX}")
    }
    assert named
    assert named <= set(Settings.model_fields)
