import json

import pytest

from checks import __main__ as command


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
    assert f"{build / 'gate.json'} lacks sentence, verdict: remove it and run `make all`" in capsys.readouterr().err


def test_a_full_disk_is_one_line_and_the_old_verdict_stays(build, on_a_full_disk):
    before = (build / "gate.json").read_bytes()
    done = on_a_full_disk("-m", "checks", "model")
    told = f"checks model: {build / 'gate.json'}: File too large; nothing is left half-written\n"
    assert (done.returncode, done.stderr) == (2, told)
    assert (build / "gate.json").read_bytes() == before
    assert not list(build.glob(".*.part.*"))
