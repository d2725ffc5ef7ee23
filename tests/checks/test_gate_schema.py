"""`gate.schema.json`: what the real step writes keeps to it, and nothing that is damaged does."""

import copy
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import checks
from checks import model
from fraud import artefacts
from fraud.dataset import source
from fraud.evaluate import evaluate

SCHEMA = json.loads(Path(checks.__file__).with_name("gate.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)

EASY = 'protocol = "random"\nmetric = "recall"\nbind = "low"\nmin = 0\nmax = 1'
UNREACHABLE = 'protocol = "chronological"\nmetric = "average_precision"\nbind = "value"\nmin = 1.01'


def written(settings):
    """`gate.json` as the step leaves it."""
    model.run(settings)
    return json.loads((settings.build / "gate.json").read_text(encoding="utf-8"))


@pytest.fixture
def failing(run_copy, limits):
    limits(EASY, UNREACHABLE)
    return written(run_copy)


def objects(schema):
    """Every object of the schema whose keys are known."""
    if isinstance(schema, dict):
        if schema.get("type") == "object" and "properties" in schema:
            yield schema
        for inner in schema.values():
            yield from objects(inner)


def test_it_is_a_schema_of_its_dialect_and_of_the_format_that_is_written():
    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["format"]["const"] == model.FORMAT


def test_it_is_strict_and_describes_each_key():
    found = list(objects(SCHEMA))
    assert len(found) == 6
    for schema in found:
        assert schema["additionalProperties"] is False
        assert set(schema["properties"]) - set(schema["required"]) <= {"twin"}
        assert all(each["description"] for each in schema["properties"].values())


def test_a_pass_keeps_to_it(run_copy, limits):
    limits(EASY)
    document = written(run_copy)
    assert document["verdict"] == "pass"
    VALIDATOR.validate(document)


def test_a_fail_keeps_to_it(failing):
    assert failing["verdict"] == "fail"
    VALIDATOR.validate(failing)


def test_a_verdict_beside_a_champion_keeps_to_it(run_copy, finished_run, limits):
    limits(EASY)
    compared = run_copy.model_copy(update={"baseline": finished_run.build})
    evaluate.run(compared)
    document = written(compared)
    assert any("champion" in gate["name"] for gate in document["gates"])
    VALIDATOR.validate(document)


def test_a_verdict_on_the_twin_keeps_to_it_and_can_not_hide_it(run_copy, limits, tmp_path):
    limits(EASY)
    small = {"build": tmp_path / "twin", "data_source": "twin", "twin_rows": 1_000, "twin_frauds": 20}
    drawn = source.run(run_copy.model_copy(update={**small, "data": type(run_copy).model_fields["data"].default}))
    metrics = artefacts.read_json(run_copy.build / "metrics.json", "make evaluate")
    metrics["synthetic"] = True
    metrics["provenance"]["data"] = drawn | {"digest": metrics["provenance"]["data"]["digest"]}
    artefacts.write_json(run_copy.build / "metrics.json", metrics)
    document = written(run_copy)
    assert "twin" in document["provenance"]["data"]
    VALIDATOR.validate(document)
    assert not VALIDATOR.is_valid(document | {"synthetic": False})


def places(value, path=()):
    """Where something lies in a document: the way to each value, the outermost first."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        yield from places(below, (*path, key))


def test_a_key_that_is_missing_one_too_many_or_of_another_type_is_refused(failing):
    failing["gates"] = failing["gates"][-1:]  # one is like the other
    for path in places(failing):
        for damaged in damages(failing, path):
            assert not VALIDATOR.is_valid(damaged), path


def damages(document, path):
    *way, last = path or [None]
    for damage in ("missing", "of another type", "one too many"):
        damaged = copy.deepcopy(document)
        holder = damaged
        for step in way:
            holder = holder[step]
        # A list has no keys, and maps of settings and of packages hold whichever there are.
        known = isinstance(holder, dict) and last is not None and not {"settings", "packages"} & set(way)
        if damage == "missing" and known:
            del holder[last]
        elif damage == "of another type" and last is not None:
            holder[last] = [[]]
        elif damage == "one too many" and known:
            holder["other"] = 0
        else:
            continue
        yield damaged


def gate(**changed):
    return lambda document: document["gates"][-1].update(changed)


DAMAGES = {
    "a pass in spite of a gate that fails": lambda document: document.update(verdict="pass"),
    "a fail without a gate that does": gate(passed=True),
    "no gates": lambda document: document.update(gates=[], verdict="pass"),
    "another format": lambda document: document.update(format=2),
    "a digest cut short": lambda document: document["bundles"].update(model="0" * 63),
    "a gate without a limit": gate(min=None),
    "an end judged where there is none": gate(judged="low", low=None, high=None),
    "half an interval": gate(low=None),
    "a protocol that there is not": gate(name="all rows: recall"),
    "no reason": gate(reason=""),
    "a key that no file has": gate(min_key="model[0].min"),
    "twin's data called genuine": lambda document: document["provenance"]["data"].update(source="twin"),
    "a time without its zone": lambda document: document["provenance"].update(created="2026-11-26T00:53:22"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_contradicts_itself_or_names_what_there_is_not_is_refused(failing, damage):
    VALIDATOR.validate(failing)
    damage(failing)
    assert not VALIDATOR.is_valid(failing)
