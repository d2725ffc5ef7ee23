"""The target of the fuzzer: run by `test_decode_fuzzed.py` in a process of its own, which libFuzzer takes over."""

import sys
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import atheris
import numpy as np

with atheris.instrument_imports(include=["fraud.api", "json"]):
    from fraud.api import body, decode, model
    from fraud.api.courtesy import ALONE, Courtesy
    from fraud.api.problems import Refused


class Asked(Courtesy):
    """Somebody always asks."""

    def needed(self) -> bool:
        return True


def read_or_refused(read: Callable[[bytes], Any], text: bytes) -> Any:
    """The rows, or the status of the refusal. Anything else that is raised is what the fuzzer looks for.

    What it says may differ: of lines one names the line, and how deep is too deep depends on the caller's own depth.
    """
    try:
        return read(text)
    except Refused as refused:
        return refused.status


_ASKED = Asked()


def thorough_lines(text: bytes) -> Any:
    return model.transactions([body.parse(line) for line in text.split(b"\n") if line.strip()])


def one_case(text: bytes) -> None:
    """Rows or a refusal; what the fast parser accepts the thorough one accepts, with equal values."""
    slow = read_or_refused(lambda text: model.transactions(body.parse(text)), text)
    slow_lines = read_or_refused(thorough_lines, text)
    for courtesy in (ALONE, _ASKED):
        same(read_or_refused(lambda text, courtesy=courtesy: decode.json(text, courtesy)[0], text), slow)
        same(read_or_refused(lambda text, courtesy=courtesy: decode.lines(text, courtesy), text), slow_lines)


def same(fast: Any, slow: Any) -> None:
    if isinstance(fast, HTTPStatus) or isinstance(slow, HTTPStatus):
        assert fast is slow
    else:
        assert np.array_equal(fast, slow)
        assert np.isfinite(fast).all()


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_case)
    atheris.Fuzz()
