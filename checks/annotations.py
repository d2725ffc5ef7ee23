"""Annotations of GitHub's: in a pull request, a gate that fails is shown at the line that holds its limit."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from checks import thresholds
from checks.gate import told

# From the root of the repository, which is where GitHub looks.
_FILE = "checks/thresholds.toml"


def errors(gates: Iterable[Mapping[str, Any]], limits: str) -> Iterator[str]:
    """A workflow command for each gate that fails.

    Args:
        gates: those of `gate.json`.
        limits: the text of `thresholds.toml`.
    """
    lines = thresholds.lines(limits)
    for gate in gates:
        if not gate["passed"]:
            line = _line(gate, lines)
            # The gate of the data's contract has no place in the file.
            place = "" if line is None else f"file={_FILE},line={line},"
            yield f"::error {place}title={_escaped(gate['name'], ':,')}::{_escaped(told(gate))}"


def _line(gate: Mapping[str, Any], lines: Mapping[str, int]) -> int | None:
    """That of the limit that is crossed."""
    below = gate["min"] is not None and gate["bound"] < gate["min"]
    return lines.get(gate["min_key" if below else "max_key"])


def _escaped(text: str, also: str = "") -> str:
    """As GitHub's runner reads it back: `%` first, being what the others are written with."""
    for character in f"%\r\n{also}":
        text = text.replace(character, f"%{ord(character):02X}")
    return text
