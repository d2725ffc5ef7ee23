"""The target of the fuzzer: run by `test_decode_fuzzed.py` in a process of its own, which libFuzzer takes over."""

import sys
from collections.abc import Callable
from typing import Any

import atheris
import numpy as np

with atheris.instrument_imports(include=["fraud.api", "json"]):
    from fraud.api import body, decode, model
    from fraud.api.problems import Refused


def read_or_refused(read: Callable[[bytes], Any], text: bytes) -> Any:
    """The rows, or what the refusal says. Anything else that is raised is what the fuzzer looks for."""
    try:
        return read(text)
    except Refused as refused:
        return refused.status, refused.detail, refused.faults


def thorough_lines(text: bytes) -> Any:
    return model.transactions([body.parse(line) for line in text.split(b"\n") if line.strip()])


def one_case(text: bytes) -> None:
    """Rows or a refusal; what the fast parser accepts the thorough one accepts, with equal values."""
    fast = read_or_refused(lambda text: decode.json(text)[0], text)
    slow = read_or_refused(lambda text: model.transactions(body.parse(text)), text)
    same(fast, slow)
    fast = read_or_refused(decode.lines, text)
    slow = read_or_refused(thorough_lines, text)
    # Of lines the refusals differ: one names the line.
    if isinstance(fast, tuple) and isinstance(slow, tuple):
        assert fast[0] == slow[0]
    else:
        same(fast, slow)


def same(fast: Any, slow: Any) -> None:
    if isinstance(fast, tuple) or isinstance(slow, tuple):
        assert fast == slow
    else:
        assert np.array_equal(fast, slow)
        assert np.isfinite(fast).all()


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_case)
    atheris.Fuzz()
