"""The API's document (OpenAPI 3.1), made from the schema, the request model and the answers."""

import json
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from http import HTTPStatus
from io import BytesIO
from typing import Any

from pydantic.json_schema import models_json_schema

from fraud import __version__
from fraud.api import answers, guard, metrics, pages, predict, problems
from fraud.api.model import MOST_TRANSACTIONS, Transaction
from fraud.api.predict import ARROW, JSON, LINES
from fraud.api.reply import REQUEST_ID

_DESCRIPTION = f"""\
Decisions on card transactions, each with its reasons.

Every answer has a header `{REQUEST_ID}`: the id that the client sent, where it is up to 128 letters, digits and \
`._~:/+=-`, or a new one. Every error is a problem document (RFC 9457): of an address that is not there 404, of \
another method 405 with `Allow`. `HEAD` answers as `GET` does, without the body; `OPTIONS` with `Allow`. Where the \
operator asks for keys, all but `/health`, `/ready`, this document and the pages need one.
"""


def document(answer: predict.Handler) -> dict[str, Any]:
    """The document, with what the handler of `/predict` answers to the examples."""
    found = deepcopy(_document())
    content = found["paths"]["/predict"]["post"]["responses"]["200"]["content"]
    content[JSON]["examples"] = {
        name: {"summary": name, "value": _answer(answer, example)} for name, example in pages.examples().items()
    }
    return found


@cache
def _document() -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {"title": "Fraud decisions", "version": __version__, "description": _DESCRIPTION},
        "paths": {
            "/predict": {"post": _predict()},
            **{address: {"get": _operation(address, *told)} for address, told in _GET.items()},
        },
        "components": {
            "schemas": _schemas(),
            "headers": {
                "RequestId": {
                    "description": "The id of the request.",
                    "required": True,
                    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._~:/+=-]{1,128}$"},
                }
            },
            "parameters": {
                "RequestId": {
                    "name": REQUEST_ID,
                    "in": "header",
                    "description": "The client's own id of the request; one that is not sensible is replaced.",
                    "schema": {"type": "string"},
                }
            },
            "responses": {str(status.value): _problem(status, when) for status, when in _PROBLEMS.items()},
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "A key, where the operator asks for one."}
            },
        },
    }


def _predict() -> dict[str, Any]:
    examples = pages.examples()
    one, many = _ref("schemas/Transaction"), f"{MOST_TRANSACTIONS:,}"
    several = {"type": "array", "items": one}
    lines = {"type": "array", "items": _ref("schemas/Decision")}
    operation = _operation(
        "/predict",
        "predict",
        "decisions",
        "Decide on transactions",
        {
            JSON: {"schema": {"anyOf": [_ref("schemas/IdentifiedDecision"), lines]}},
            LINES: {"schema": lines},
            ARROW: {"schema": {}},
        },
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    )
    operation["description"] = f"""\
One transaction, or a list of up to {many}, answered in its order; or one a line; or a \
column for each feature in an Arrow IPC stream, answered with a column for each part of a decision."""
    operation["parameters"].append(
        {
            "name": "reasons",
            "in": "query",
            "description": "Whether all answers get reasons, or those alone that are not approved.",
            "schema": {"type": "string", "enum": ["alerts", "always"], "default": "alerts"},
        }
    )
    operation["requestBody"] = {
        "required": True,
        "content": {
            JSON: {
                "schema": {"anyOf": [one, several | {"maxItems": MOST_TRANSACTIONS}]},
                "examples": {name: {"summary": name, "value": value} for name, value in examples.items()}
                | {"a list": {"summary": "a list", "value": list(examples.values())}},
            },
            # As OpenAPI 3.2 has it: the schema of lines, or of rows, is that of the list of them.
            LINES: {"schema": several, "example": "".join(f"{json.dumps(one)}\n" for one in examples.values())},
            ARROW: {"schema": several},
        },
    }
    return operation


def _operation(
    address: str, name: str, tag: str, summary: str, content: Mapping[str, Any], *refusals: HTTPStatus
) -> dict[str, Any]:
    guarded, limited = address not in guard.KEYLESS, address not in guard.OPEN
    every = {
        *refusals,
        *(_OF_GUARDED if guarded else ()),
        *(_OF_LIMITED if limited else ()),
        HTTPStatus.INTERNAL_SERVER_ERROR,
    }
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        # The first says that there may be none: it is for the operator to ask for keys.
        "security": [{}, {"key": []}] if guarded else [],
        "parameters": [_ref("parameters/RequestId")],
        "responses": {
            "200": {"description": "The answer.", "headers": _IDENTIFIED, "content": content},
            **{str(status.value): _ref(f"responses/{status.value}") for status in sorted(every)},
        },
    }


def _problem(status: HTTPStatus, when: str) -> dict[str, Any]:
    headers = _IDENTIFIED | {
        name: {"description": text, "schema": {"type": "string"}} for name, text in _HEADERS.get(status, {}).items()
    }
    example = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": when, "id": "4711"}
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        del example["detail"]
    schema = {"allOf": [_ref("schemas/Problem"), {"properties": {"status": {"const": status.value}}}]}
    content = {problems.MEDIA_TYPE: {"schema": schema, "example": example}}
    return {"description": when, "headers": headers, "content": content}


def _schemas() -> dict[str, Any]:
    models = (answers.Decision, answers.IdentifiedDecision, answers.Health, answers.Ready, answers.Model)
    asked = [(Transaction, "validation"), *((model, "serialization") for model in (*models, answers.Problem))]
    _, found = models_json_schema(asked, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    schemas: dict[str, Any] = found["$defs"]
    schemas["Transaction"]["description"] = "The raw features of a transaction."
    return schemas


def _answer(answer: predict.Handler, example: Mapping[str, float]) -> Any:
    body = json.dumps(example).encode()
    environ = {
        "CONTENT_TYPE": JSON,
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_X_REQUEST_ID": "4711",
        "wsgi.input": BytesIO(body),
    }
    return json.loads(answer(environ).body)


def _of(schema: str) -> dict[str, Any]:
    return {JSON: {"schema": _ref(f"schemas/{schema}")}}


def _ref(component: str) -> dict[str, str]:
    return {"$ref": f"#/components/{component}"}


_HTML = {"text/html": {"schema": {"type": "string"}}}
_TEXT = {metrics.MEDIA_TYPE.partition(";")[0]: {"schema": {"type": "string"}}}
_IDENTIFIED = {REQUEST_ID: _ref("headers/RequestId")}

_GET: dict[str, tuple[Any, ...]] = {
    "/model": ("model", "operation", "What the model is", _of("Model")),
    "/metrics": ("metrics", "operation", "The counts of all workers, for Prometheus", _TEXT),
    "/health": ("health", "operation", "Whether the process is alive", _of("Health")),
    "/ready": ("ready", "operation", "Whether the model answers", _of("Ready"), HTTPStatus.SERVICE_UNAVAILABLE),
    "/openapi.json": ("openapi", "pages", "This document", {JSON: {"schema": {"type": "object"}}}),
    "/docs": ("docs", "pages", "This document, for people", _HTML),
    "/": ("page", "pages", "A page to try a transaction on", _HTML),
}

_OF_GUARDED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_OF_LIMITED = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)

_PROBLEMS = {
    HTTPStatus.BAD_REQUEST: "The body can't be read, or the question of the address is none that it knows.",
    HTTPStatus.UNAUTHORIZED: "The operator asks for a key, and there is none.",
    HTTPStatus.FORBIDDEN: "The key has expired.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is of another media type.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "The body can be read but is no transaction: every fault is named.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests in too short a time.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "A bug: the log has the rest under this id.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Not ready, or asked for more than it can answer.",
}

_RETRY = {"Retry-After": "Seconds after which to ask again."}
_HEADERS = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "`Bearer`."},
    HTTPStatus.TOO_MANY_REQUESTS: _RETRY,
    HTTPStatus.SERVICE_UNAVAILABLE: _RETRY,
}
