import pytest

from fraud import artefacts
from fraud.dataset import source
from fraud.errors import UsageError
from fraud.explore import counts, explore
from fraud.settings import Settings


@pytest.fixture
def settings(transactions, tmp_path):
    transactions.to_csv(tmp_path / "mine.csv", index=False)
    settings = Settings(data=tmp_path / "mine.csv", build=tmp_path / "build", prevalence=0.002)
    source.run(settings)
    return settings


def test_figures_words_and_numbers_are_there_and_a_second_run_makes_the_same(settings):
    explore.run(settings)
    document = artefacts.read_json(settings.build / "explore.json", "make explore")
    files = [figure["file"] for figure in document["figures"]]
    assert len(files) == 8
    assert sorted(files) == sorted(f"figures/{path.name}" for path in (settings.build / "figures").iterdir())
    assert document["provenance"]["data"]["digest"] == artefacts.sha256(settings.data)
    assert document["provenance"]["settings"]["prevalence"] == 0.002
    assert [claim["holds"] for claim in document["claims"]] == [False, True, False]
    counts = next(figure for figure in document["figures"] if figure["id"] == "class-counts")
    assert counts["numbers"]["share_weighted"] == pytest.approx(0.002)

    drawn = {path.name: path.read_bytes() for path in (settings.build / "figures").iterdir()}
    explore.run(settings)
    assert {path.name: path.read_bytes() for path in (settings.build / "figures").iterdir()} == drawn
    assert artefacts.read_json(settings.build / "explore.json", "make explore")["figures"] == document["figures"]


def test_a_run_that_breaks_off_leaves_what_was_there(settings, monkeypatch):
    (settings.build / "figures").mkdir()
    (settings.build / "figures" / "class-counts.png").write_text("earlier")
    (settings.build / "explore.json").write_text("earlier")
    before = {path.name: path.stat().st_mtime_ns for path in settings.build.rglob("*")}

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(counts, "missing_values", interrupted)
    with pytest.raises(KeyboardInterrupt):
        explore.run(settings)
    assert {path.name: path.stat().st_mtime_ns for path in settings.build.rglob("*")} == before


def test_without_data_it_names_the_step_that_is_missing(tmp_path):
    with pytest.raises(UsageError, match="run `make data` first"):
        explore.run(Settings(build=tmp_path))


def test_a_single_class_can_t_be_explored(transactions, tmp_path):
    transactions.assign(Class=0).to_csv(tmp_path / "mine.csv", index=False)
    settings = Settings(data=tmp_path / "mine.csv", build=tmp_path / "build")
    source.run(settings)
    with pytest.raises(UsageError, match="holds 0 frauds in 5000 rows: it needs both classes"):
        explore.run(settings)
    assert not (settings.build / "explore.json").exists()
