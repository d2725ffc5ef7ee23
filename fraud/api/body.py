"""From the bytes of a body to JSON: strictly, and keeping what a plain parser would lose."""

import json
import math
import re
from collections import Counter
from http import HTTPStatus
from typing import Any, NoReturn

from fraud.api.problems import Refused

# A whole string, so that what it says is not taken for a literal, or a literal that JSON lacks.
_STRING_OR_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*+"|(NaN|-?Infinity)', re.DOTALL)


class Object(dict[str, Any]):
    """A JSON object that remembers which of its names stood there more than once."""

    doubled: tuple[str, ...] = ()


class Infinite(float):
    """A number beyond the range of float64 that remembers how it was written."""

    text: str


def parse(body: bytes) -> Any:
    """Parse a JSON text (RFC 8259): objects become `Object`, every number a float.

    Raises:
        Refused: 400 where it is malformed (with line and column), is not UTF-8 or is nested too deeply.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _malformed(f"The body is not UTF-8 at byte {error.start + 1}.") from None
    try:
        return json.loads(
            text, object_pairs_hook=_object, parse_float=_number, parse_int=_number, parse_constant=_constant
        )
    except json.JSONDecodeError as error:
        raise _malformed(f"Line {error.lineno}, column {error.colno}: {error.msg}.") from None
    except _Constant as error:
        raise _malformed(f"{_position(text)}: {error} is not JSON, numbers are finite.") from None
    except RecursionError:
        raise _malformed("The body is nested too deeply: a transaction is one flat object.") from None


def shortened(value: object, most: int = 60) -> str:
    """A JSON value as text, at most `most` characters of it."""
    match value:
        case Infinite():
            text = value.text
        case float():
            text = repr(value).removesuffix(".0")
        case dict():
            text = "{…}" if value else "{}"
        case list():
            text = "[…]" if value else "[]"
        case str():
            text = json.dumps(value[:most], ensure_ascii=False)
            text = text if len(value) <= most else text[:-1] + "…"
        case _:
            text = json.dumps(value)
    return text if len(text) <= most else text[: most - 1] + "…"


class _Constant(Exception):
    """`NaN` or an infinity, written out."""


def _object(pairs: list[tuple[str, Any]]) -> Object:
    found = Object(pairs)
    if len(found) < len(pairs):
        times = Counter(name for name, _ in pairs)
        found.doubled = tuple(name for name, count in times.items() if count > 1)
    return found


def _number(text: str) -> float:
    """Integers too: Python refuses to convert a long one, a float has no such limit."""
    number = float(text)
    if math.isinf(number):
        number = Infinite(number)
        number.text = text
    return number


def _constant(name: str) -> NoReturn:
    raise _Constant(name)


def _position(text: str) -> str:
    """Line and column of the first literal that JSON lacks: the parser does not tell."""
    start = next(found.start() for found in _STRING_OR_CONSTANT.finditer(text) if found[1])
    line, column = text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
    return f"Line {line}, column {column}"


def _malformed(detail: str) -> Refused:
    return Refused(HTTPStatus.BAD_REQUEST, detail)
