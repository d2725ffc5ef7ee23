"""What `/predict` refuses, and that it names everything that is wrong at once."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from fraud import schema
from fraud.api.predict import MOST_BYTES
from fraud.api.problems import MEDIA_TYPE


def send(client: Client, body: str | bytes) -> TestResponse:
    return client.post("/predict", data=body, content_type="application/json")


def problem(response: TestResponse, status: int) -> dict[str, Any]:
    """The problem document, once its shape has been checked (RFC 9457)."""
    document: dict[str, Any] = json.loads(response.data)
    assert response.status_code == status, document
    assert response.mimetype == MEDIA_TYPE
    assert document["status"] == status
    assert document["type"] == "about:blank"
    assert document["title"]
    assert document["id"] == response.headers["X-Request-ID"]
    return document


MALFORMED = {
    "empty": (b"", "Line 1, column 1"),
    "blank": (b" \n ", "Line 2, column 2"),
    "cut short": (b'{"Time": 1,', "Line 1, column 12"),
    "single quotes": (b"{'Time': 1}", "Line 1, column 2"),
    "trailing comma": (b'{"Time": 1,\n}', "Line "),
    "two documents": (b"{} {}", "Line 1, column 4"),
    "bare word": (b"fraud", "Line 1, column 1"),
    "leading zero": (b'{"Time": 01}', "Line 1, column 11"),
    "hexadecimal": (b'{"Time": 0x1F}', "Line 1, column 11"),
    "plus sign": (b'{"Time": +1}', "Line 1, column 10"),
    "decimal comma": (b'{"Amount": 1,5}', "Line 1, column 14"),
    "line break in a string": (b'{"Ti\nme": 1}', "Line 1, column 5"),
    "NaN": (b'{"Time":\n NaN}', "Line 2, column 2: NaN"),
    "Infinity": (b'{"Time": Infinity}', "Line 1, column 10: Infinity"),
    "-Infinity": (b'{"NaN": "NaN \\" NaN",\r\n"V1": [-Infinity]}', "Line 2, column 8: -Infinity"),
    "only NaN": (b"NaN", "Line 1, column 1: NaN"),
    "not UTF-8": (b'{"Time": "\xff"}', "not UTF-8 at byte 11"),
    "a name that is not UTF-8": (b'{"Ti\xffme": 1}', "not UTF-8 at byte 5"),
    "UTF-16": ('{"Time": 1}'.encode("utf-16"), "not UTF-8 at byte 1"),
    "gzip": (b"\x1f\x8b\x08\x00", "not UTF-8 at byte 2"),
    "NUL bytes": (b"\x00" * 8, "Line 1, column 1"),
    "deep lists": (b"[" * 200_000, "nested too deeply"),
    "deep objects": (b'{"a":' * 200_000, "nested too deeply"),
    "deep and closed": (b"[" * 200_000 + b"]" * 200_000, "nested too deeply"),
}


@pytest.mark.parametrize(("body", "told"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_json_is_refused_with_its_place(client: Client, body: bytes, told: str) -> None:
    document = problem(send(client, body), 400)
    assert told in document["detail"]
    assert "errors" not in document


# One fault in the blog post's call: how it is made, the pointer to it, the value as told, a word of the mend.
WRONG_VALUES: dict[str, tuple[str, str, str]] = {
    "null": ("null", "null", "give a number"),
    "true": ("true", "true", "give a number"),
    "false": ("false", "false", "give a number"),
    "text": ('"high"', '"high"', "without quotes"),
    "number in a string": ('"1.5"', '"1.5"', "without quotes"),
    "NaN in a string": ('"NaN"', '"NaN"', "without quotes"),
    "empty string": ('""', '""', "without quotes"),
    "half a character": ('"\\ud800"', '"\ud800"', "without quotes"),
    "long text": (f'"{"x" * 100_000}"', '"' + "x" * 58 + "…", "without quotes"),
    "list": ("[1.5]", "[…]", "give a number"),
    "empty list": ("[]", "[]", "give a number"),
    "object": ('{"value": 1}', "{…}", "give a number"),
    "empty object": ("{}", "{}", "give a number"),
    "beyond float64": ("1e999", "1e999", "finite"),
    "far below float64": ("-1e999", "-1e999", "finite"),
    "long integer": ("9" * 5_000, "9" * 59 + "…", "finite"),
    "beyond float32": ("3.5e38", "3.5e+38", "at most 1e+15"),
    "below float32": ("-3.5e38", "-3.5e+38", "at least -1e+15"),
    "beyond calculation": ("1e16", "1e+16", "at most 1e+15"),
}


@pytest.mark.parametrize("feature", ["Time", "V28"])
@pytest.mark.parametrize(("written", "value", "mend"), WRONG_VALUES.values(), ids=WRONG_VALUES)
def test_a_wrong_value_is_named(
    client: Client, blog_transaction: dict[str, float], feature: str, written: str, value: str, mend: str
) -> None:
    body = json.dumps(blog_transaction | {feature: "HERE"}).replace('"HERE"', written)
    [fault] = problem(send(client, body), 422)["errors"]
    assert fault["pointer"] == f"/{feature}"
    assert fault["value"] == value
    assert mend in fault["mend"]


@pytest.mark.parametrize("amount", ["-0.01", "-1e-300", "-5"])
def test_an_amount_below_zero_is_refused_with_the_schemas_reason(
    client: Client, blog_transaction: dict[str, float], amount: str
) -> None:
    body = json.dumps(blog_transaction | {"Amount": "HERE"}).replace('"HERE"', amount)
    [fault] = problem(send(client, body), 422)["errors"]
    assert fault == {"pointer": "/Amount", "value": amount, "mend": "give at least 0: an amount is never negative"}


@pytest.mark.parametrize("feature", schema.FEATURES)
def test_a_missing_feature_is_named(client: Client, blog_transaction: dict[str, float], feature: str) -> None:
    rest = {name: value for name, value in blog_transaction.items() if name != feature}
    [fault] = problem(send(client, json.dumps(rest)), 422)["errors"]
    assert fault["pointer"] == f"/{feature}"
    assert "value" not in fault
    assert fault["mend"].startswith("add it")


@pytest.mark.parametrize("feature", schema.FEATURES)
def test_a_doubled_feature_is_named(client: Client, blog_transaction: dict[str, float], feature: str) -> None:
    body = json.dumps(blog_transaction)[:-1] + f', "{feature}": 1, "{feature}": 2' + "}"
    [fault] = problem(send(client, body), 422)["errors"]
    assert fault == {"pointer": f"/{feature}", "value": "2", "mend": "give it once"}


@pytest.mark.parametrize(
    ("name", "pointer"),
    [
        ("Class", "/Class"),
        ("time", "/time"),
        ("V0", "/V0"),
        ("V29", "/V29"),
        (" V1", "/ V1"),
        ("", "/"),
        ("a/b~c", "/a~1b~0c"),
        ("\ud800", "/\ud800"),
        ("ä\u0000", "/ä\u0000"),
        ("x" * 5_000, "/" + "x" * 60 + "…"),
    ],
)
def test_an_unknown_field_is_named(client: Client, blog_transaction: dict[str, float], name: str, pointer: str) -> None:
    [fault] = problem(send(client, json.dumps(blog_transaction | {name: 1})), 422)["errors"]
    assert fault["pointer"] == pointer
    assert fault["mend"].startswith("remove it")


def test_every_fault_is_named_at_once(client: Client, blog_transaction: dict[str, float]) -> None:
    wrong = blog_transaction | {"V1": None, "V2": True, "V3": "1", "V4": "HUGE", "Amount": -1.0, "Class": 0}
    del wrong["V28"]
    body = json.dumps(wrong).replace('"HUGE"', "1e999")[:-1] + ', "V5": 1}'
    faults = problem(send(client, body), 422)["errors"]
    assert {fault["pointer"] for fault in faults} == {
        *("/V1", "/V2", "/V3", "/V4", "/V5", "/V28"),
        *("/Amount", "/Class"),
    }


@pytest.mark.parametrize("body", ["null", "true", "3", '"text"', "1e999"])
def test_a_body_that_is_neither_object_nor_list_is_refused(client: Client, body: str) -> None:
    [fault] = problem(send(client, body), 422)["errors"]
    assert fault["pointer"] == ""
    assert fault["mend"] == "give an object of the 30 features"


def test_the_faults_of_a_list_point_into_it(client: Client, blog_transaction: dict[str, float]) -> None:
    body = json.dumps([blog_transaction, blog_transaction | {"V7": None}, 5, blog_transaction | {"x": 1}])
    faults = problem(send(client, body), 422)["errors"]
    assert [fault["pointer"] for fault in faults] == ["/1/V7", "/2", "/3/x"]


def test_a_list_that_is_too_long_is_refused(client: Client) -> None:
    assert "10,001 transactions" in problem(send(client, json.dumps([{}] * 10_001)), 422)["detail"]


HEAVY: dict[str, Callable[[], bytes]] = {
    "10 MB of nulls": lambda: b"[" + b"null," * 2_000_000 + b"null]",
    "a number of 10 MB": lambda: b'{"Time":' + b"9" * 10_000_000 + b"}",
    "a string of 10 MB": lambda: b'{"Time":"' + b"x" * 10_000_000 + b'"}',
    "half a million unknown fields": lambda: b"{" + b",".join(b'"%d":0' % i for i in range(500_000)) + b"}",
    "10,000 empty objects": lambda: b"[" + b"{}," * 9_999 + b"{}]",
}


@pytest.mark.parametrize("make", HEAVY.values(), ids=HEAVY)
def test_a_heavy_body_is_refused_soon_and_briefly(client: Client, make: Callable[[], bytes]) -> None:
    body = make()
    start = time.perf_counter()
    response = send(client, body)
    # A fraction of this on an idle machine; a cost that grew with the square of the size would take minutes.
    assert time.perf_counter() - start < 20
    problem(response, 422)
    assert len(response.data) < 200_000


def test_a_body_above_the_limit_is_refused(client: Client) -> None:
    problem(send(client, b" " * (MOST_BYTES + 1)), 413)


def test_a_body_above_the_limit_is_refused_where_it_names_no_length(
    client: Client, blog_transaction: dict[str, float]
) -> None:
    from io import BytesIO

    body = BytesIO(json.dumps(blog_transaction).encode().ljust(MOST_BYTES + 10))
    environ = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}
    response = client.post("/predict", input_stream=body, content_type="application/json", environ_overrides=environ)
    problem(response, 413)


@pytest.mark.parametrize("media_type", [None, "text/plain", "application/x-www-form-urlencoded", "text/json"])
def test_another_media_type_is_refused(
    client: Client, blog_transaction: dict[str, float], media_type: str | None
) -> None:
    response = client.post("/predict", data=json.dumps(blog_transaction), content_type=media_type)
    assert "application/json" in problem(response, 415)["detail"]


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "identity, gzip", "nonsense"])
def test_a_body_that_is_packed_is_refused(client: Client, blog_transaction: dict[str, float], encoding: str) -> None:
    response = client.post("/predict", json=blog_transaction, headers={"Content-Encoding": encoding})
    assert "Content-Encoding" in problem(response, 415)["detail"]
    assert response.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_another_method_is_refused_with_those_that_are_allowed(client: Client, method: str) -> None:
    response = client.open("/predict", method=method)
    problem(response, 405)
    assert set(response.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


@pytest.mark.parametrize("path", ["/nothing", "/predict/1", "/static/x", "/docs/x"])
def test_an_unknown_address_is_refused(client: Client, path: str) -> None:
    problem(client.get(path), 404)


def test_a_body_that_ends_too_soon_is_refused(client: Client, blog_transaction: dict[str, float]) -> None:
    text = json.dumps(blog_transaction).encode()
    told = {"CONTENT_LENGTH": str(len(text) + 7)}
    response = client.post("/predict", data=text, content_type="application/json", environ_overrides=told)
    assert f"after {len(text)} of its {len(text) + 7} bytes" in problem(response, 400)["detail"]


@pytest.mark.parametrize("asked", ["reasons=none", "reasons", "reasons=always&reasons=always", "explain=1"])
def test_another_question_in_the_address_is_refused(
    client: Client, blog_transaction: dict[str, float], asked: str
) -> None:
    assert "?reasons=always" in problem(client.post(f"/predict?{asked}", json=blog_transaction), 400)["detail"]


def test_a_fault_in_lines_points_at_its_line(client: Client, blog_transaction: dict[str, float]) -> None:
    good = json.dumps(blog_transaction)
    told = {"content_type": "application/x-ndjson"}
    wrong = json.dumps(blog_transaction | {"V7": None})
    [fault] = problem(client.post("/predict", data=f"{good}\n\n{wrong}", **told), 422)["errors"]
    assert fault["pointer"] == "/1/V7"
    malformed = problem(client.post("/predict", data=f'{good}\n\n{{"Time" 1}}', **told), 400)
    assert malformed["detail"].startswith("Transaction line 3: Line 1, column 9")
    many = problem(client.post("/predict", data=b"{}\n" * 10_001, **told), 422)
    assert "10,001 transactions" in many["detail"]
