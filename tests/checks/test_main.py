import json
import os
import subprocess
from pathlib import Path

import pytest

from checks import __main__ as command
from checks import thresholds


@pytest.fixture(autouse=True)
def build(clean_settings, run_copy):
    clean_settings(build=run_copy.build, data=run_copy.data, jobs=1)
    return run_copy.build


def verdict(build, **changed):
    path = build / "gate.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))


@pytest.mark.parametrize(("said", "code"), [("pass", 0), ("fail", 1)])
def test_gate_repeats_the_verdict_and_its_sentence(build, capsys, said, code):
    verdict(build, verdict=said, sentence="A sentence.")
    assert command.main(["gate"]) == code
    assert capsys.readouterr().out == "A sentence.\n"


def test_gates_that_fail_are_annotated_once_by_the_command_that_is_asked_to(build, capsys, limits):
    limits(*(f'protocol = "random"\nmetric = "recall"\nbind = "{bind}"\nmin = 1.01' for bind in ("value", "low")))
    assert command.main(["model"]) == 1
    assert command.main(["gate"]) == 1
    assert "::error" not in capsys.readouterr().out
    assert command.main(["gate", "--github"]) == 1
    *annotated, sentence = capsys.readouterr().out.splitlines()
    assert sentence == json.loads((build / "gate.json").read_text())["sentence"]
    lines = [number for number, line in enumerate(thresholds.PATH.read_text().splitlines(), 1) if "1.01" in line]
    assert [line.split("title=")[0] for line in annotated] == [
        f"::error file=checks/thresholds.toml,line={number}," for number in lines
    ]


@pytest.mark.parametrize(("actions", "asked"), [("true", True), ("", False)])
def test_make_asks_for_annotations_where_github_reads_them(tmp_path, actions, asked):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FRAUD_", "MAKE", "MFLAGS"))}
    done = subprocess.run(
        ["make", "-n", "gate", f"BUILD={tmp_path}"],
        cwd=Path(__file__).parents[2],
        env={**kept, "GITHUB_ACTIONS": actions},
        capture_output=True,
        text=True,
        check=True,
    )
    last = done.stdout.splitlines()[-1]
    assert "-m checks gate" in last
    assert ("--github" in last) is asked


@pytest.mark.parametrize("damage", [None, "{", '{"verdict": "maybe", "sentence": ""}'])
def test_a_gate_that_can_not_be_read_is_no_pass(build, damage):
    (build / "gate.json").unlink()
    if damage:
        (build / "gate.json").write_text(damage)
    assert command.main(["gate"]) in (1, 2)


def test_model_prints_every_gate_and_exits_by_the_verdict(build, capsys):
    code = command.main(["model"])
    document = json.loads((build / "gate.json").read_text())
    assert code == (0 if document["verdict"] == "pass" else 1)
    told = capsys.readouterr().out
    for gate in document["gates"]:
        assert gate["name"] in told
    assert told.rstrip().endswith(document["sentence"])


def test_a_usage_error_is_one_line_and_exit_code_2(build, capsys):
    (build / "metrics.json").unlink()
    assert command.main(["model"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("checks model: ")
    assert "run `make evaluate` first" in told
    assert told.count("\n") == 1


def test_an_interruption_is_told(monkeypatch, capsys):
    from checks import model

    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(model, "run", interrupted)
    assert command.main(["model"]) == 130
    assert "interrupted" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["model", "--unknown"]])
def test_a_wrong_call_exits_with_2(arguments):
    with pytest.raises(SystemExit) as stopped:
        command.main(arguments)
    assert stopped.value.code == 2


@pytest.mark.parametrize("check", ["data", "model", "gate", "image"])
def test_each_check_has_its_help(check, capsys):
    with pytest.raises(SystemExit) as stopped:
        command.main([check, "--help"])
    assert stopped.value.code == 0
    assert "Exit code: 0 yes, 1 no, 2 wrong call" in capsys.readouterr().out


def test_a_verdict_that_lacks_its_verdict_is_refused(build, capsys):
    (build / "gate.json").write_text("{}")
    assert command.main(["gate"]) == 2
    told = f"{build / 'gate.json'} lacks gates, sentence, verdict: remove it and run `make all`"
    assert told in capsys.readouterr().err


def test_a_full_disk_is_one_line_and_the_old_verdict_stays(build, on_a_full_disk):
    before = [(build / name).read_bytes() for name in ("gate.json", "gate.xml")]
    done = on_a_full_disk("-m", "checks", "model")
    told = f"checks model: {build / 'gate.xml'}: File too large; nothing is left half-written\n"
    assert (done.returncode, done.stderr) == (2, told)
    assert [(build / name).read_bytes() for name in ("gate.json", "gate.xml")] == before
    assert not list(build.glob(".*.part.*"))
