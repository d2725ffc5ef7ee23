"""The benchmark of the API: what it sends, that it checks the answers, and one short run of all of it."""

import json
import shutil
import sys
import threading

import numpy as np
import pytest
from werkzeug.serving import make_server

from benchmarks import answers, blog_api, payload, serving
from benchmarks.serving import Goal
from fraud import bundle, schema
from fraud.api.app import create_app
from fraud.errors import UsageError
from fraud.scorer import Scorer

FEATURES = list(schema.FEATURES)


@pytest.fixture
def listening():
    """`listening(application)`: the URL of its `/predict`."""
    started = []

    def listen(application):
        server = make_server("127.0.0.1", 0, application)
        threading.Thread(target=server.serve_forever).start()
        started.append(server)
        return f"http://127.0.0.1:{server.server_port}/predict"

    yield listen
    for server in started:
        server.shutdown()
        server.server_close()


def test_rows_are_distinct_and_as_seldom_fraud_as_in_production(draw, tmp_path):
    frame = draw(6_000, 300)
    for prevalence, frauds in ((None, 50), (0.01, 20)):
        sent, fitted = payload.drawn(frame, prevalence)
        assert len(sent) == 2_000
        assert sent["Class"].sum() == pytest.approx(frauds, abs=60 if prevalence is None else 0)
        assert not sent.duplicated(FEATURES).any()
        assert set(sent.index).isdisjoint(fitted.index)
    written = payload.write(sent, tmp_path)
    assert np.array_equal(np.concatenate(written.arrays), sent[FEATURES].to_numpy())
    first = json.loads(written.batches["json"].path.read_bytes().split(b"\n")[1].rsplit(b"]")[0] + b"]")
    assert [list(row.values()) for row in first] == written.arrays[0].tolist()
    with pytest.raises(UsageError, match=r"1,\d\d\d distinct transactions are too few: give at least 2,000"):
        payload.drawn(draw(1_900, 90), None)


def test_the_blog_posts_api_answers_what_its_forest_says(draw, tmp_path, listening):
    frame = draw(600, 20)
    forest = payload.forest(frame, tmp_path)
    url = listening(blog_api.create_app(str(forest)))
    answers.check_blog_post(url, frame, forest)
    other = payload.forest(frame.assign(Class=1 - frame["Class"]), tmp_path)
    with pytest.raises(RuntimeError, match=r"answers .*'prediction': 1.*, and should answer .*'prediction': 0"):
        answers.check_blog_post(url, frame, other)


def test_answers_that_are_not_the_scorers_are_found(draw, bundle_folder, tmp_path, listening):
    frame = draw(1_000, 100)
    url = listening(create_app(Scorer(bundle_folder)))
    batch = frame[FEATURES].to_numpy()[:50]
    answers.check(url, frame, batch, Scorer(bundle_folder))
    read = bundle.read(bundle_folder)
    stricter = bundle.Thresholds(review=0.6, decline=0.9)
    bundle.write(tmp_path / "other", read.model, read.manifest.model_copy(update={"thresholds": stricter}))
    with pytest.raises(RuntimeError, match=r"'threshold': 0\.5.*, and should answer .*'threshold': 0\.6"):
        answers.check(url, frame, batch, Scorer(tmp_path / "other"))


def test_goals_are_met_at_their_bounds():
    assert [Goal("", least=50).met(ratio) for ratio in (49.9, 50)] == [False, True]
    assert [Goal("", most=2.5).met(ratio) for ratio in (2.5, 2.6)] == [True, False]
    assert Goal("").met(0)
    assert [goal.bound for goal in (Goal("", least=50), Goal("", most=2.5), Goal(""))] == [
        "at least 50",
        "at most 2.5",
        "",
    ]


def test_a_machine_without_wrk_is_told_so(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["serving"])
    with pytest.raises(SystemExit) as ended:
        serving.main()
    assert ended.value.code == 2
    assert "apt-get install wrk" in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.skipif(shutil.which("wrk") is None, reason="no wrk on this machine")
def test_a_short_run_measures_every_goal(run_copy, clean_settings, monkeypatch, capsys):
    clean_settings(build=run_copy.build, data=run_copy.data, prevalence=0.01)
    monkeypatch.setattr(sys, "argv", ["serving", "--rounds", "1", "--seconds", "1"])
    affinity = serving.os.sched_getaffinity(0)
    try:
        code = serving.main()
    finally:
        serving.os.sched_setaffinity(0, affinity)
    measured = json.loads((run_copy.build / serving.RESULT).read_text())
    assert measured["ratios"].keys() == serving.GOALS.keys()
    assert all(ratio["value"] > 0 for ratio in measured["ratios"].values())
    assert code == (0 if all(ratio["met"] for ratio in measured["ratios"].values()) else 1)
    assert measured["rows"] == 1_000
    assert measured["frauds"] == 10
    assert "requests a second at 16 connections" in capsys.readouterr().out
