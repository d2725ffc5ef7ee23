import re
from itertools import count

import pytest

from checks import annotations, model, thresholds
from checks.gate import Gate, told
from fraud import artefacts


def read(command):
    """Properties and message of a workflow command, by the rules of GitHub's runner."""
    head, message = re.fullmatch("::error (.*?)::(.*)", command).groups()
    properties = dict(each.split("=", 1) for each in head.split(","))
    return {name: unescaped(value, ":,") for name, value in properties.items()}, unescaped(message)


def unescaped(text, also=""):
    for character in f"\r\n{also}%":
        text = text.replace(f"%{ord(character):02X}", character)
    return text


def impassable(text):
    """The file with limits that nothing reaches, no two of them the same."""
    numbers = count(1)
    head, tables = text.split("[[champion]]", 1)
    head = head.replace("min_fraud_share = 0.0005", "min_fraud_share = 0.9").replace("= 20\n", "= 1_000_000\n")
    tables = re.sub("(?m)^min = .*$", lambda _: f"min = 9.{next(numbers):03}", tables)
    # Of a gate with two limits, the upper one is crossed here.
    tables = re.sub(r"(?m)^min = .*\nmax = .*$", "min = 0.0\nmax = 0.0001", tables)
    return f"{head}[[champion]]{tables}"


def swapped(text):
    """The tables in another order."""
    head, *tables = text.split("[[")
    return head + "".join(f"[[{table.rstrip()}\n\n" for table in reversed(tables))


EDITS = {
    "as it ships": lambda text: text,
    "lines above": lambda text: "# One more comment,\n# min = 0.7\n\n" + text,
    "decoys": lambda text: re.sub('(?m)^reason = "(.*)"$', r'# min = 9.001\nreason = """\nmin = 9.001\n\1"""', text),
    "other spellings": lambda text: text.replace("[[model]]", '[[ "model" ]] # of the model').replace(
        "min = ", '\t"min"  =   '
    ),
    "tables in another order": swapped,
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_a_gate_that_fails_is_annotated_at_the_line_of_its_limit(run_copy, limits, edit):
    text = edit(impassable(thresholds.PATH.read_text()))
    limits()
    thresholds.PATH.write_text(text)
    metrics = artefacts.read_json(run_copy.build / "metrics.json", "make evaluate")
    for judged in metrics["protocols"].values():
        judged["champion"] = {**judged["reference"], "caveats": []}
    artefacts.write_json(run_copy.build / "metrics.json", metrics)
    gates = [gate for gate in model.run(run_copy)["gates"] if not gate["passed"]]
    read_limits = thresholds.read()
    assert len(gates) == 2 + len(read_limits.model) + len(read_limits.champion)
    for gate, command in zip(gates, annotations.errors(gates, text), strict=True):
        properties, message = read(command)
        assert (properties["title"], message) == (gate["name"], told(gate))
        assert properties["file"] == "checks/thresholds.toml"
        line = text.split("\n")[int(properties["line"]) - 1]
        key, limit = line.replace('"', "").split("=")
        crossed = "min" if gate["max"] is None or gate["bound"] < gate["min"] else "max"
        assert key.strip().startswith(crossed)
        assert float(limit) == gate[crossed]


def test_a_gate_that_no_line_decides_on_is_annotated_without_one():
    contract = Gate("data: contract", 0, "because", min=1)
    (command,) = annotations.errors([contract.record()], thresholds.PATH.read_text())
    assert read(command) == ({"title": "data: contract"}, told(contract.record()))


def test_a_gate_that_passes_is_not_annotated():
    passed = Gate("random: recall", 1, "because", min=0.5, min_key="model.0.min")
    assert list(annotations.errors([passed.record()], thresholds.PATH.read_text())) == []


def test_nothing_that_a_gate_says_ends_or_splits_the_command():
    gate = Gate("random: 100%25, a=b::c\r\n", 0, "50%0A\n::error::x\r", min=1, min_key="data.min_frauds").record()
    (command,) = annotations.errors([gate], thresholds.PATH.read_text())
    assert not set("\r\n") & set(command)
    properties, message = read(command)
    assert set(properties) == {"file", "line", "title"}
    assert (properties["title"], message) == (gate["name"], told(gate))
