import json
import sys

import pytest

from benchmarks import readme
from fraud.settings import Settings

MARKS = ("metrics", "benchmark", "serving", "study", "tried", "limits")


def figure(value, width=0.02):
    return {"value": value, "low": value - width, "high": value + width}


def row(name, value, difference=None):
    return {
        "name": name,
        "description": f"what {name} is",
        "metrics": {"average_precision": figure(value)},
        "difference": {} if difference is None else {"average_precision": difference},
    }


def protocol(selected, forest):
    return {
        "table": [row("selected", selected), row("forest", forest, figure(forest - selected)), row("recipe", 0.87)],
        "recipe": {"name": "recipe", "advantage": {"forest": {"average_precision": figure(0.0871, 0.01)}}},
    }


@pytest.fixture
def study():
    tried = {name: {"table": [row(f"{name}-nothing", 0.84)]} for name in ("imbalance", "features")}
    tried |= {f"{name}_later": {"table": [row(f"{name}-nothing", 0.8)]} for name in ("imbalance", "features")}
    tried["imbalance"]["table"] += [row("smote", 0.74, figure(-0.1)), row("weights", 0.85, figure(0.01))]
    tried["imbalance_later"]["table"] += [row("weights", 0.9, figure(0.1)), row("smote", 0.8, figure(0.0))]
    alone, among = ({"frauds_among_ten_nearest": count} for count in (0, 4))
    return {
        "rows": 38_002,
        "frauds": 319,
        "cut": [],
        "plan": {"rounds": 1, "folds": 5, "blocks": 4},
        "random": {
            **protocol(0.85, 0.78),
            "hardest": [alone, among, alone],
            "hindsight": {"average_precision": 0.8714},
        },
        "chronological": protocol(0.8, 0.7),
        **tried,
        "learning_curve": [
            {"frauds": 50, **figure(0.7)},
            {"frauds": 150, **figure(0.8)},
            {"frauds": 250, **figure(0.85)},
        ],
    }


@pytest.fixture
def metrics():
    def judged(value):
        return {"metrics": {name: figure(value) for name in readme.METRICS}}

    random = {"model": judged(0.9), "reference": judged(0.7)}
    return {"protocols": {"random": random, "chronological": {"model": judged(0.8)}}}


@pytest.fixture
def run(tmp_path, monkeypatch, metrics):
    """Runs the command in a folder with a README of nothing but marks; the exit code and what the README then says."""
    text = "before\n" + "".join(f"<!-- {mark} -->\nold {mark}\n<!-- /{mark} -->\nbetween\n" for mark in MARKS)
    (tmp_path / "README.md").write_text(text)
    (tmp_path / "docs").mkdir()
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(readme.settings, "load", lambda: Settings(build=tmp_path))

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["readme", *arguments])
        return readme.main(), (tmp_path / "README.md").read_text()

    return run


def test_a_study_renews_its_three_places_and_its_picture_only(run, study, tmp_path):
    (tmp_path / "study.json").write_text(json.dumps(study))
    code, text = run("--study", "study.json")
    assert code == 0
    for mark in ("study", "tried", "limits"):
        assert f"old {mark}" not in text
    assert "<!-- metrics -->\nold metrics\n<!-- /metrics -->\nbetween\n<!-- benchmark -->\nold benchmark\n" in text
    assert text.startswith("before\n")
    lines = text.splitlines()
    forest = "| forest | 0.780 (0.760 to 0.800) | +0.087 (+0.077 to +0.097) | 0.700 (0.680 to 0.720)"
    assert f"{forest} | +0.087 (+0.077 to +0.097) |" in lines
    recipe = "| recipe | 0.870 (0.850 to 0.890) | the recipe | 0.870 (0.850 to 0.890) | the recipe |"
    assert lines.index(recipe) < lines.index(next(line for line in lines if line.startswith("| forest")))
    # Each line by its name, in whatever order the protocols have them; the best first.
    weights = "| what weights is | +0.010 (-0.010 to +0.030), within noise | +0.100 (+0.080 to +0.120), better |"
    smote = "| what smote is | -0.100 (-0.120 to -0.080), worse | +0.000 (-0.020 to +0.020), within noise |"
    assert lines.index(smote) == lines.index(weights) + 1
    assert "- From 50 to 250 training frauds" in text
    assert "reaches\n  0.871." in text
    assert "Of the 3 frauds that even the best candidate for each ranks lowest, 2 have no fraud" in text
    assert "forest" in (tmp_path / "docs/study.svg").read_text()
    assert run("--study", "study.json") == (code, text)


def test_what_a_budget_cut_off_is_said_or_refused(run, study, tmp_path, capsys):
    cut = study | {"features_later": None, "learning_curve": None, "cut": ["features_later", "learning_curve"]}
    (tmp_path / "study.json").write_text(json.dumps(cut))
    _, text = run("--study", "study.json")
    assert "(The budget ended before what was tried as further columns.)" in text
    assert "what weights is" in text
    assert "training frauds" not in text
    (tmp_path / "study.json").write_text(json.dumps(study | {"chronological": None, "cut": ["chronological"]}))
    with pytest.raises(SystemExit) as ended:
        run("--study", "study.json")
    assert ended.value.code == 2
    assert "study.json is a study whose budget ended before: chronological" in capsys.readouterr().err


def test_metrics_are_written_and_held_to_what_is_measured(run, metrics, tmp_path, capsys):
    code, text = run()
    assert code == 0
    cells = "0.90 (0.88 to 0.92) | 0.80 (0.78 to 0.82) | 0.70 (0.68 to 0.72) |"
    assert f"| average precision | {cells}" in text
    assert "old benchmark" in text
    assert run("--check") == (0, text)
    for moved, code in ((0.005, 0), (0.03, 1)):
        metrics["protocols"]["chronological"]["model"]["metrics"]["recall"]["low"] = 0.78 + moved
        (tmp_path / "metrics.json").write_text(json.dumps(metrics))
        assert run("--check") == (code, text)
    assert "but measured" in capsys.readouterr().out


def test_a_benchmark_is_told_in_ratios_to_the_script(run, tmp_path):
    measured = {"blog post's script": {"seconds": 200, "peak": 2**30}, "train": {"seconds": 300, "peak": 2**29}}
    (tmp_path / "benchmark.json").write_text(json.dumps(measured))
    _, text = run()
    assert "| train | 1.50 | 512 MiB |" in text
    assert "old benchmark" not in text


def test_a_benchmark_of_serving_is_told_with_its_goals_and_held_to_its_run(run, tmp_path, capsys):
    rate = {"words": "requests a second", "goal": "at least 50", "met": True, "value": 61.234, "low": 60, "high": 62.5}
    measured = {"rows": 10_000, "frauds": 17, "rounds": 5, "ratios": {"rate": rate}}
    assert run("--check")[0] == 1
    run()
    assert run("--check")[0] == 0
    (tmp_path / "benchmark-serving.json").write_text(json.dumps(measured))
    assert run("--check")[0] == 1
    assert "old serving" in capsys.readouterr().out
    _, text = run()
    assert "| requests a second | 61.2 (60 to 62.5) | at least 50 |\n<!-- /serving -->" in text
    assert "10,000 distinct transactions with\n17 frauds; medians of 5 rounds" in text
    assert run("--check") == (0, text)


def test_a_readme_without_the_place_is_refused(run, tmp_path, capsys):
    (tmp_path / "README.md").write_text("nothing")
    with pytest.raises(SystemExit):
        run()
    assert "README.md has no place marked metrics" in capsys.readouterr().err
