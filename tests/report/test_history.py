"""A line for each finished run, once, and none is ever lost."""

import json
import textwrap
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from fraud.errors import UsageError
from fraud.report import evidence, history, report


@pytest.fixture(scope="module")
def read(explored_run):
    """The artefacts of a finished run."""
    return evidence.read(explored_run.build)


@pytest.fixture
def told(read, tmp_path):
    """`told("a verdict in words")`: the artefacts of such a run, in an empty build folder."""
    return lambda sentence: replace(read, build=tmp_path, gate={**read.gate, "sentence": sentence})


def lines(build):
    return (build / history.NAME).read_bytes().splitlines(keepends=True)


def test_a_line_holds_what_the_artefacts_say(run):
    report.run(run)
    (line,) = lines(run.build)
    metrics, gate = (json.loads((run.build / f"{name}.json").read_text()) for name in ("metrics", "gate"))
    said = json.loads(line)
    assert (said["verdict"], said["sentence"]) == (gate["verdict"], gate["sentence"])
    assert said["when"].replace("Z", "+00:00") == gate["provenance"]["created"]
    data = metrics["provenance"]["data"]
    assert said["data"] == {name: data[name] for name in ("source", "digest", "rows", "frauds")}
    assert said["settings"] == metrics["provenance"]["settings"]
    assert (said["synthetic"], said["revision"]) == (False, metrics["provenance"]["revision"])
    assert said["protocols"].keys() == metrics["protocols"].keys()
    for name, judged in metrics["protocols"].items():
        kept = said["protocols"][name]
        assert kept["metrics"] == judged["model"]["metrics"]
        assert (kept["version"], kept["digest"]) == (judged["model"]["version"], judged["model"]["digest"])
        assert (kept["rows"], kept["frauds"]) == (judged["rows"], judged["frauds"])
    assert [each.model_dump(mode="json") for each in history.read(run.build)] == [said]


def test_the_same_run_reported_or_judged_again_is_one_line(run, edit):
    report.run(run)
    report.run(run)
    edit("gate", lambda gate: gate["provenance"].update(created="2031-01-01T00:00:00+00:00"))
    history.record(evidence.read(run.build))
    assert len(lines(run.build)) == 1


def test_another_outcome_is_another_line_and_so_is_the_way_back(told):
    for sentence in ("one", "two", "two", "one"):
        history.record(told(sentence))
    assert [each.sentence for each in history.read(told("").build)] == ["one", "two", "one"]


def test_another_revision_is_another_run(told):
    run = told("one")
    history.record(run)
    provenance = {**run.metrics["provenance"], "revision": "f" * 12}
    history.record(replace(run, metrics={**run.metrics, "provenance": provenance}))
    assert len(lines(run.build)) == 2


def test_what_was_cut_off_is_removed_with_a_word_and_the_run_recorded_anew(told, capsys):
    for sentence in ("one", "two", "three"):
        history.record(told(sentence))
    path = told("").build / history.NAME
    whole = lines(path.parent)
    for cut in (1, 2, 100, len(whole[2]) // 2, len(whole[2]) - 2):
        path.write_bytes(b"".join(whole[:2]) + whole[2][:cut])
        assert [each.sentence for each in history.read(path.parent)] == ["one", "two"]
        assert "line 3: no whole record of a run; it is left out" in capsys.readouterr().err
        history.record(told("three"))
        assert "the last line was cut off before its end, and is removed" in capsys.readouterr().err
        assert lines(path.parent) == whole


def test_a_whole_line_that_only_lacks_its_end_is_kept(told, capsys):
    history.record(told("one"))
    path = told("").build / history.NAME
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    history.record(told("one"))
    history.record(told("two"))
    assert [each.sentence for each in history.read(path.parent)] == ["one", "two"]
    assert capsys.readouterr().err == ""


def test_a_damaged_line_is_left_out_with_a_word_and_left_alone(told, capsys):
    history.record(told("one"))
    path = told("").build / history.NAME
    damaged = b'{"format": 1, "verdict": "perhaps"}\n'
    path.write_bytes(damaged + path.read_bytes())
    history.record(told("two"))
    assert lines(path.parent)[0] == damaged
    assert [each.sentence for each in history.read(path.parent)] == ["one", "two"]
    assert "line 1: no whole record of a run" in capsys.readouterr().err


def test_reports_at_once_lose_nothing_and_tell_nothing_twice(told):
    runs = [told(f"run {number}") for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(history.record, runs))
    assert sorted(each.sentence for each in history.read(runs[0].build)) == [run.gate["sentence"] for run in runs]
    last = replace(runs[0], gate={**runs[0].gate, "sentence": "the last"})
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(history.record, [last] * 8))
    assert len(lines(last.build)) == 9


def test_a_full_disk_takes_no_part_of_a_line_and_the_old_ones_stay(explored_run, tmp_path, on_a_full_disk):
    path = tmp_path / history.NAME
    path.write_text("an old line\n")
    program = f"""
        from dataclasses import replace
        from pathlib import Path
        from fraud.errors import reported
        from fraud.report import evidence, history
        read = evidence.read(Path({str(explored_run.build)!r}))
        raise SystemExit(reported("report", lambda: history.record(replace(read, build=Path({str(tmp_path)!r})))))
    """
    done = on_a_full_disk("-c", textwrap.dedent(program))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert done.stderr.startswith(f"report: {path}: ")
    assert path.read_text() == "an old line\n"


def test_a_report_whose_line_can_t_be_written_is_not_there(run):
    (run.build / history.NAME).mkdir()
    with pytest.raises(IsADirectoryError, match=history.NAME):
        report.run(run)
    assert not (run.build / "report").exists()


@pytest.mark.parametrize(
    ("content", "told"), [(None, "holds no run yet"), (b"", "holds no run yet"), (b"nothing\n", "no line that can")]
)
def test_without_a_run_it_says_how_to_finish_one(tmp_path, content, told):
    if content is not None:
        (tmp_path / history.NAME).write_bytes(content)
    with pytest.raises(UsageError, match=rf"{told}.*`make report`"):
        history.read(tmp_path)
