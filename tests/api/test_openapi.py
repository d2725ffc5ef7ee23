"""The document says what is answered: schemathesis makes requests of it, and holds every answer to it."""

import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import schemathesis
from flask import Flask
from schemathesis import engine
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events
from werkzeug.test import Client

from fraud import schema
from fraud.api import keys, model, pages
from fraud.api.app import create_server_app
from fraud.scorer import Scorer

SEED = 20_261_125


@schemathesis.serializer("application/x-ndjson")
def written(_: Any, value: Any) -> bytes:
    """Lines of a list; what is none goes as one line, an example as it stands."""
    if isinstance(value, str):
        return value.encode()
    return b"".join(json.dumps(one).encode() + b"\n" for one in (value if isinstance(value, list) else [value]))


@schemathesis.deserializer("application/x-ndjson")
def read(_: Any, response: Any) -> list[Any]:
    return [json.loads(line) for line in response.content.splitlines()]


ARROW = "application/vnd.apache.arrow.stream"


@schemathesis.serializer(ARROW)
def streamed(_: Any, value: Any) -> bytes:
    """A stream of a list of transactions; what can't be one goes as the text that it is."""
    try:
        empty = pa.table({name: pa.array([], "f8") for name in schema.FEATURES})
        table = empty if value == [] else pa.Table.from_pylist(value)
    except (pa.ArrowException, AttributeError, LookupError, TypeError, OverflowError):
        return str(value).encode(errors="replace")
    written = io.BytesIO()
    with pa.ipc.new_stream(written, table.schema) as writer:
        writer.write_table(table)
    return written.getvalue()


@schemathesis.deserializer(ARROW)
def received(_: Any, response: Any) -> list[Any]:
    return pa.ipc.open_stream(response.content).read_all().to_pylist()


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    return app.test_client().get("/openapi.json").get_json()


def asked(application: Any, **told: Any) -> Counter[tuple[str, int]]:
    """Ask all that schemathesis thinks of, with all of its checks; returns how often which operation said what."""
    config = SchemathesisConfig.from_dict({"seed": SEED, **told})
    described = schemathesis.openapi.from_wsgi("/openapi.json", application, config=config)
    described.validate()
    answered: Counter[tuple[str, int]] = Counter()
    failures = []
    for event in engine.from_schema(described).execute():
        match event:
            case events.ScenarioFinished(recorder=recorder):
                answered.update(
                    (recorder.label, interaction.response.status_code) for interaction in recorder.interactions.values()
                )
                failures += list(told_failures(recorder))
            case events.NonFatalError(value=error) | events.FatalError(exception=error):
                raise error
    assert not failures, f"seed {SEED}, {len(failures)} failures, the first of them:\n{failures[0]}"
    return answered


def told_failures(recorder: Any) -> Iterator[str]:
    for case, checks in recorder.checks.items():
        sent, response = recorder.interactions[case].request, recorder.interactions[case].response
        for check in checks:
            if check.failure_info is not None:
                yield f"{check.name}: {check.failure_info.failure}\n{sent.method} {sent.uri} {sent.body!r:.500}\n" + (
                    f"{response.status_code} {response.content!r:.500}"
                )


def most(each: int, predict: int) -> dict[str, Any]:
    """How many requests are made up of each operation, and of `/predict`, which alone has a body."""
    return {
        "generation": {"max-examples": each, "database": "none"},
        "operations": [{"include-name": "POST /predict", "generation": {"max-examples": predict}}],
    }


@pytest.fixture
def served(bundle_folder: Path) -> Any:
    return create_server_app(Scorer(bundle_folder))


def test_every_answer_is_as_documented(served: Any) -> None:
    answered = asked(served, **most(each=5, predict=60))
    assert answered.total() > 300
    assert {status for label, status in answered if label == "POST /predict"} >= {200, 400, 405, 415, 422}
    assert answered["POST /predict", 200] > 100


@pytest.mark.endurance
@pytest.mark.timeout(1_800)
def test_every_answer_of_20_000_is_as_documented(served: Any, capfd: pytest.CaptureFixture[str]) -> None:
    # A request without a body is quickly made up, and soon there is nothing new to make up.
    answered = asked(served, **most(each=2_200, predict=6_000))
    with capfd.disabled():
        print(f"\nschemathesis, seed {SEED}: {answered.total():,} cases, {dict(answered)}")
    assert answered.total() >= 20_000


def test_a_refusal_for_want_of_a_key_is_as_documented(bundle_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "keys"
    keys.add(path, "till", 30)
    guarded = create_server_app(Scorer(bundle_folder), api_keys=path)
    answered = asked(guarded, **most(each=3, predict=10), phases={"coverage": {"enabled": False}})
    assert {label for label, status in answered if status == 401} == {"POST /predict", "GET /model", "GET /metrics"}
    assert {status for _, status in answered} == {200, 401}


def test_every_route_is_documented(app: Flask, document: dict[str, Any]) -> None:
    files = {address for address in pages.FILES if address.count("/") > 1}
    assert document["paths"].keys() == {rule.rule for rule in app.url_map.iter_rules()} - files


def test_a_transaction_is_documented_as_the_schema_has_it(document: dict[str, Any]) -> None:
    transaction = document["components"]["schemas"]["Transaction"]
    assert tuple(transaction["properties"]) == tuple(transaction["required"]) == schema.FEATURES
    assert transaction["additionalProperties"] is False
    for column in schema.FEATURE_COLUMNS:
        told = transaction["properties"][column.name]
        assert (told["minimum"], told["maximum"]) == model.BOUNDS[column.name]
        assert column.meaning in told["description"]
        assert column.unit in told["description"]


def test_the_examples_are_worked(app: Flask, document: dict[str, Any]) -> None:
    predict = document["paths"]["/predict"]["post"]
    asked_for = predict["requestBody"]["content"]["application/json"]["examples"]
    answers = predict["responses"]["200"]["content"]["application/json"]["examples"]
    client = app.test_client()
    for name, answer in answers.items():
        told = client.post("/predict", json=asked_for[name]["value"], headers={"X-Request-ID": answer["value"]["id"]})
        assert told.get_json() == answer["value"]
    assert {name: answer["value"]["decision"] for name, answer in answers.items()} == {
        "a legitimate transaction": "approve",
        "a fraud": "decline",
    }
    lines = predict["requestBody"]["content"]["application/x-ndjson"]["example"]
    assert client.post("/predict", data=lines, content_type="application/x-ndjson").status_code == 200


@pytest.mark.parametrize(
    "address", ["/health", "/ready", "/model", "/openapi.json", "/docs", "/", "/docs/swagger-ui.css"]
)
def test_head_is_get_without_the_body(client: Client, address: str) -> None:
    headers = {"X-Request-ID": "the-same"}
    got, head = client.get(address, headers=headers), client.head(address, headers=headers)
    assert (head.status, head.data) == (got.status, b"")
    assert sorted(head.headers) == sorted(got.headers)


def test_options_and_a_405_name_the_methods_that_there_are(client: Client, document: dict[str, Any]) -> None:
    for address, operations in document["paths"].items():
        documented = {method.upper() for method in operations}
        allowed = documented | {"OPTIONS"} | ({"HEAD"} if "GET" in documented else set())
        options = client.options(address)
        assert (options.status_code, options.data) == (200, b"")
        assert set(options.headers["Allow"].split(", ")) == allowed
        for method in {"GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "QUERY"} - documented:
            refused = client.open(address, method=method)
            assert (refused.status_code, refused.mimetype) == (405, "application/problem+json")
            assert set(refused.headers["Allow"].split(", ")) == allowed
