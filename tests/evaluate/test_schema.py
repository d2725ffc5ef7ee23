"""The schema of `metrics.json` that is published holds for what is written, and lets nothing else pass."""

import copy
import json
import re
from pathlib import Path

import jsonschema
import pytest

from fraud import artefacts, schema
from fraud.costs import CostModel
from fraud.evaluate import evaluate

PUBLISHED = json.loads((Path(evaluate.__file__).parent / "metrics.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(PUBLISHED)


@pytest.fixture(scope="module")
def document(finished_run):
    return json.loads((finished_run.build / "metrics.json").read_text())


def objects(node, path=()):
    """Every schema of an object, with where it stands."""
    if isinstance(node, dict):
        if node.get("type") == "object":
            yield path, node
        for name, inner in node.items():
            yield from objects(inner, (*path, name))


def test_it_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(PUBLISHED)


def test_it_lets_no_key_pass_that_it_does_not_name_and_misses_each_that_it_does():
    for path, each in objects(PUBLISHED):
        if path and path[-1] in ("settings", "packages"):
            continue
        assert each["additionalProperties"] is False, path
        named = each.get("properties", {}).keys() - {"twin", "by_amount"}
        assert set(each.get("required", [])) == named, path
        assert named or "minProperties" in each, path


def test_a_run_keeps_to_it(document):
    VALIDATOR.validate(document)


def test_a_run_with_a_champion_on_the_twin_keeps_to_it(finished_run, run_copy):
    record = artefacts.read_json(run_copy.build / "data.json", "make data")
    mark = {"statistics": "0" * 64, "rows": 3_000, "frauds": 144, "seed": 42, "drawn by": "a test"}
    artefacts.write_json(run_copy.build / "data.json", record | {"source": "twin", "twin": mark})
    made = evaluate.run(run_copy.model_copy(update={"baseline": finished_run.build, "prevalence": None}))
    assert made["synthetic"]
    VALIDATOR.validate(made)


@pytest.mark.parametrize(
    "path", [(), ("protocols", "random", "model"), ("protocols", "random", "model", "drift", "score")]
)
def test_a_document_that_lacks_or_adds_anything_is_refused(document, path):
    changed = copy.deepcopy(document)
    part = changed
    for step in path:
        part = part[step]
    part["surplus"] = 1
    assert not VALIDATOR.is_valid(changed)
    del part["surplus"]
    del part[next(iter(part))]
    assert not VALIDATOR.is_valid(changed)


def test_it_names_what_the_code_names():
    definitions = PUBLISHED["$defs"]
    pattern = next(iter(definitions["drift"]["properties"]["features"]["patternProperties"]))
    assert all(re.search(pattern, name) for name in schema.FEATURES)
    assert not any(re.search(pattern, name) for name in ("V0", "V29", "Class", "V", "xV1"))
    for name in ("costs", "sensitivity"):
        assert definitions[name]["required"] == list(CostModel.model_fields)


def test_the_document_stays_readable(finished_run):
    assert (finished_run.build / "metrics.json").stat().st_size < 1_000_000
