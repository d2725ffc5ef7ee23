import pandas as pd
import pytest

from fraud import __main__ as command
from fraud import __version__, schema, settings
from fraud.api import keys
from fraud.learn import chosen

STEPS = ("data", "explore", "train", "evaluate", "report", "serve", "promote", "settings", "score", "twin", "key")
STEPS += ("history", "compare")


@pytest.fixture(autouse=True)
def _alone(clean_settings):
    """No test here sees the settings of the shell that runs it."""


@pytest.fixture
def told(clean_settings, run_copy):
    """A finished run that the environment names."""
    clean_settings(
        build=run_copy.build, data=run_copy.data, jobs=1, folds=2, bootstrap_draws=100, prevalence=run_copy.prevalence
    )
    return run_copy


@pytest.mark.parametrize(
    "arguments", [[], *([step] for step in STEPS), ["twin", "fit"], ["twin", "check"], ["key", "new"]]
)
def test_every_step_has_its_help(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        command.main([*arguments, "--help"])
    assert stopped.value.code == 0
    assert "usage: python -m fraud" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        *([], ["nothing"], ["score"], ["promote"], ["train", "--fast"], ["twin"], ["key"]),
        ["compare", "build"],
    ],
)
def test_a_wrong_call_exits_with_2(arguments):
    with pytest.raises(SystemExit) as stopped:
        command.main(arguments)
    assert stopped.value.code == 2


@pytest.mark.parametrize("wrong", ["0", "-1", "36501", "1.5", "many", ""])
def test_days_that_can_not_be_are_refused_with_those_that_can(capsys, wrong):
    with pytest.raises(SystemExit) as stopped:
        command.main(["key", "new", "a", f"--days={wrong}"])
    assert stopped.value.code == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.endswith(f"error: argument --days: {wrong!r}: give a whole number from 1 to 36,500")


@pytest.mark.parametrize("wrong", ["0", "-1", "1.5", "many", ""])
def test_a_number_of_runs_that_can_not_be_is_refused_with_those_that_can(capsys, wrong):
    with pytest.raises(SystemExit) as stopped:
        command.main(["history", f"--last={wrong}"])
    assert stopped.value.code == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.endswith(f"error: argument --last: {wrong!r}: give a whole number from 1")


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit):
        command.main(["--version"])
    assert __version__ in capsys.readouterr().out


def test_settings_lists_every_one_with_its_value(clean_settings, capsys):
    clean_settings(seed=77)
    assert command.main(["settings"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(settings.Settings.model_fields)
    assert any(line.startswith("FRAUD_SEED=77  # ") for line in lines)


def test_a_bad_setting_is_one_line_and_exit_code_2(clean_settings, capsys):
    clean_settings(seed="many")
    assert command.main(["settings"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("fraud settings: ")
    assert told.count("\n") == 1


@pytest.mark.parametrize("step", ["explore", "train", "evaluate", "report", "history"])
def test_a_step_without_the_one_before_it_says_which_that_is(clean_settings, tmp_path, capsys, step):
    clean_settings(build=tmp_path / "build")
    assert command.main([step]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"fraud {step}: ")
    assert "run `make" in told
    assert told.count("\n") == 1


def test_evaluate_prints_both_protocols_with_what_the_model_is_held_to_beside_it(told, capsys):
    assert command.main(["evaluate"]) == 0
    out = capsys.readouterr().out
    names = chosen.read().candidate.name, "logistic", "forest"
    for word in ("random: ", "chronological: ", "average_precision", *names):
        assert word in out


@pytest.mark.usefixtures("light_recipe")
def test_train_prints_what_was_fitted(told, capsys):
    assert command.main(["train"]) == 0
    assert "random: logistic; review at probability" in capsys.readouterr().out


def test_score_uses_the_bundle_of_the_build_or_the_one_that_is_named(told, tmp_path, bundle_folder):
    pd.read_parquet(told.data).drop(columns=schema.LABEL.name).head(50).to_csv(tmp_path / "in.csv", index=False)
    call = ["score", str(tmp_path / "in.csv")]
    assert command.main([*call, str(tmp_path / "own.csv")]) == 0
    assert command.main([*call, str(tmp_path / "named.csv"), "--bundle", str(bundle_folder)]) == 0
    own, named = (pd.read_csv(tmp_path / f"{name}.csv")["probability"] for name in ("own", "named"))
    assert not own.equals(named)


def test_score_of_a_bad_row_exits_with_2_and_leaves_no_output(told, tmp_path, capsys):
    frame = pd.read_parquet(told.data).head(5)
    frame.loc[2, "Amount"] = -1
    frame.to_csv(tmp_path / "in.csv", index=False)
    assert command.main(["score", str(tmp_path / "in.csv"), str(tmp_path / "out.csv")]) == 2
    assert "row 4, column Amount" in capsys.readouterr().err
    assert not (tmp_path / "out.csv").exists()


def test_a_new_key_is_printed_once_and_kept_as_a_hash(clean_settings, tmp_path, capsys):
    path = tmp_path / "keys"
    clean_settings(api_keys_file=path)
    assert command.main(["key", "new", "till", "--never-expires"]) == 0
    secret = capsys.readouterr().out.strip()
    assert keys.holder(keys.read(path), secret).name == "till"
    assert secret not in path.read_text()
    assert command.main(["key", "new", "till"]) == 2
    assert "has a key named till" in capsys.readouterr().err


def test_a_new_key_needs_a_file_to_go_to(capsys):
    assert command.main(["key", "new", "till"]) == 2
    assert "set FRAUD_API_KEYS_FILE" in capsys.readouterr().err


def test_a_bundle_is_promoted_to_the_link_that_is_served_or_the_one_that_is_named(
    clean_settings, tmp_path, bundle_folder, capsys
):
    call = ["promote", str(bundle_folder), "--ungated"]
    assert command.main(call) == 2
    assert "set FRAUD_BUNDLE, or give --to" in capsys.readouterr().err
    clean_settings(bundle=tmp_path / "served")
    assert command.main(call) == 0
    assert command.main([*call, "--to", str(tmp_path / "named")]) == 0
    assert (tmp_path / "served").readlink() == (tmp_path / "named").readlink()
    assert command.main(call[:-1]) == 1


def test_serve_may_leave_out_the_log(clean_settings, monkeypatch):
    from fraud.api import server

    asked = []
    monkeypatch.setattr(server, "run", asked.append)
    clean_settings(access_log=True)
    for arguments in ([], ["--access-log", "off"], ["--access-log", "on"]):
        assert command.main(["serve", *arguments]) == 0
    assert [loaded.access_log for loaded in asked] == [True, False, True]


def test_the_help_of_serve_names_its_settings(capsys):
    with pytest.raises(SystemExit):
        command.main(["serve", "--help"])
    told = capsys.readouterr().out
    for name in ("BUILD", *(name.upper() for name in settings.SERVING)):
        assert f"  FRAUD_{name} " in told


def test_an_interruption_is_told(told, monkeypatch, capsys):
    from fraud.evaluate import evaluate

    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluate, "run", interrupted)
    assert command.main(["evaluate"]) == 130
    assert capsys.readouterr().err == "fraud evaluate: interrupted; nothing is left half-written\n"


def test_a_full_disk_is_one_line_and_the_old_artefacts_stay(told, on_a_full_disk):
    before = {path.name: path.read_bytes() for path in told.build.iterdir() if path.is_file()}
    done = on_a_full_disk("-m", "fraud", "evaluate")
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"fraud evaluate: {told.build / 'scores.parquet'}: ")
    assert "File too large" in done.stderr
    assert {path.name: path.read_bytes() for path in told.build.iterdir() if path.is_file()} == before


def test_a_file_in_place_of_the_build_folder_is_told(clean_settings, tmp_path, capsys, told):
    (tmp_path / "file").write_text("")
    clean_settings(build=tmp_path / "file" / "build", data=told.data)
    assert command.main(["data"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_comparison_goes_below_the_build_or_where_it_is_told(told, tmp_path, capsys):
    call = ["compare", str(told.build), str(told.build)]
    assert command.main(call) == 0
    out = capsys.readouterr().out
    assert "A and B are the same bundle" in out
    assert "within noise" in out
    assert str(told.build / "comparison" / "comparison.md") in out
    assert command.main([*call, "--to", str(tmp_path / "named")]) == 0
    names = ("comparison.json", "comparison.md")
    for name in names:
        assert (tmp_path / "named" / name).read_bytes()
    assert sorted(path.name for path in (told.build / "comparison").iterdir()) == list(names)


def test_a_comparison_with_nothing_is_one_line_and_exit_code_2(told, tmp_path, capsys):
    assert command.main(["compare", str(tmp_path / "nowhere"), str(told.build)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("fraud compare: ")
    assert "metrics.json is missing: run `make evaluate` first" in said
    assert said.count("\n") == 1


def test_a_report_may_be_opened_and_its_run_stands_in_the_history(told, monkeypatch, capsys):
    import webbrowser

    from fraud.explore import explore

    explore.run(told)
    opened = []
    page = (told.build / "report" / "index.html").resolve()
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or len(opened) == 1)
    assert command.main(["report"]) == 0
    assert opened == []
    assert command.main(["report", "--open"]) == 0
    assert opened == [page.as_uri()]
    assert "no browser" not in capsys.readouterr().err
    assert command.main(["report", "--open"]) == 0
    assert f"no browser was found to open it in: the report lies at {page}" in capsys.readouterr().err
    assert command.main(["history"]) == 0
    assert "1 of 1 runs" in capsys.readouterr().out
