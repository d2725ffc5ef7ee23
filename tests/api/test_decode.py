"""Both ways through the parser: the fast one accepts nothing that the thorough one refuses, and reads the same."""

import json
import tracemalloc
from contextlib import suppress
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraud import schema
from fraud.api import body, decode, model
from fraud.api.courtesy import ALONE, Courtesy
from fraud.api.problems import Refused

NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers().map(str),
    st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.sampled_from(["0", "-0", "1e15", "-1e15", "1e999", "9" * 400, "2.5e-324", "9007199254740993"]),
)
WRONG = st.sampled_from(["null", "true", '"1"', "[]", "{}", "NaN", "-Infinity", "01", "1.", ".5", "+1", "0x1", ""])
NAMES = st.sampled_from([*schema.FEATURES, "Class", "V29", "\\u00561", ""])


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A transaction, seldom whole: a name more or less, a value that is none."""
    usual = [(name, "1.5") for name in schema.FEATURES]
    for place, value in draw(st.lists(st.tuples(st.integers(0, 29), NUMBERS), max_size=5)):
        usual[place] = (usual[place][0], value)
    if draw(st.integers(0, 3)) == 0:
        usual[draw(st.integers(0, 29))] = (draw(NAMES), draw(WRONG | NUMBERS))
    if draw(st.integers(0, 3)) == 0:
        usual.insert(draw(st.integers(0, 29)), (draw(NAMES), draw(NUMBERS)))
    if draw(st.integers(0, 3)) == 0:
        del usual[draw(st.integers(0, 29))]
    space = draw(st.sampled_from(["", " ", "\n\t", "\r\n"]))
    return "{" + f",{space}".join(f'"{name}":{space}{value}' for name, value in usual) + "}"


def thorough(text: bytes) -> Any:
    try:
        return model.transactions(body.parse(text))
    except Refused as refused:
        return refused.status, refused.detail, refused.faults


class Asked(Courtesy):
    """Somebody always asks."""

    def needed(self) -> bool:
        return True


def read_by(courtesy: Courtesy, text: bytes) -> Any:
    try:
        return decode.json(text, courtesy)[0]
    except Refused as refused:
        return refused.status, refused.detail, refused.faults


@settings(max_examples=600, deadline=None, derandomize=True, database=None)
@given(st.one_of(texts(), st.lists(texts(), max_size=3).map(lambda found: f"[{','.join(found)}]")))
def test_the_fast_way_reads_what_the_thorough_one_reads(text: str) -> None:
    expected = thorough(text.encode())
    for courtesy in (ALONE, Asked()):
        found = read_by(courtesy, text.encode())
        if isinstance(expected, tuple):
            assert found == expected
        else:
            assert np.array_equal(found, expected)


@settings(max_examples=600, deadline=None, derandomize=True, database=None)
@given(texts(), st.floats(-1e15, 1e15), st.floats(-1e15, 1e15))
def test_what_is_read_as_one_usual_transaction_is_one(text: str, low: float, high: float) -> None:
    expected = thorough(text.encode())
    found = decode.OneUsual(dict.fromkeys(schema.FEATURES, (low, high)))(text.encode())
    if isinstance(expected, tuple) or not ((low <= expected) & (expected <= high)).all():
        assert found is None
    else:
        assert np.array_equal([found], expected)


def test_one_in_a_list_is_not_read_as_one(blog_transaction: dict[str, float]) -> None:
    read = decode.OneUsual(model.BOUNDS)
    assert read(json.dumps(blog_transaction).encode()) == tuple(blog_transaction[name] for name in schema.FEATURES)
    assert read(json.dumps([blog_transaction]).encode()) is None


@settings(max_examples=600, deadline=None, derandomize=True, database=None)
@given(st.binary(max_size=40) | st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    for read, courtesy in product((decode.json, decode.lines), (ALONE, Asked())):
        # Anything else that it may raise is a bug.
        with suppress(Refused):
            read(text, courtesy)


@pytest.mark.parametrize("torn", ['"V3":\n', '"V3"\r\n:', '\n"V3":'])
def test_a_transaction_does_not_go_on_in_the_next_line(blog_transaction: dict[str, float], torn: str) -> None:
    text = json.dumps(blog_transaction).replace('"V3":', torn).encode()
    for courtesy in (ALONE, Asked()):
        with pytest.raises(Refused, match="Transaction line 1: "):
            decode.lines(text, courtesy)


def test_as_many_lines_as_transactions_may_hold_other_ones(blog_transaction: dict[str, float]) -> None:
    text = json.dumps(blog_transaction).encode()
    torn = text.replace(b', "V3"', b',\n"V3"')
    for courtesy in (ALONE, Asked()):
        for lines in (text + b" " + torn, torn + b" " + text, torn.replace(b"\n", b" \r\n\n ") + text):
            with pytest.raises(Refused, match="Transaction line 1: "):
                decode.lines(lines, courtesy)
        with pytest.raises(Refused, match="Transaction line 3: "):
            decode.lines(text + b"\n\n" + text + text + b"\n\n\n", courtesy)
        assert len(decode.lines(b"\n \r\n" + text + b"\t\r\n\n  " + text, courtesy)) == 2


@pytest.mark.parametrize("courtesy", [ALONE, Asked()], ids=["alone", "asked"])
@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_a_list_of_as_many_names_and_commas_as_a_transaction_has_may_be_nested_too_deeply(
    depth: int, courtesy: Courtesy
) -> None:
    nested = b"[" * depth + b'""' + b"]" * depth
    text = b"[" + b'"",' * 29 + nested + b"]"
    for read in (decode.json, decode.lines):
        with pytest.raises(Refused) as refused:
            read(text, courtesy)
        assert refused.value.status in (400, 422)


@pytest.mark.parametrize("courtesy", [ALONE, Asked()], ids=["alone", "asked"])
@pytest.mark.parametrize("line", [b"1\n", b"{}\n", b"\n"])
def test_a_body_of_nothing_but_lines_takes_no_memory_of_its_own(line: bytes, courtesy: Courtesy) -> None:
    text = line * (2_000_000 // len(line)) + b'"' * 60
    tracemalloc.start()
    with suppress(Refused):
        decode.lines(text, courtesy)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 10 * len(text)


def test_a_list_of_nothing_but_commas_takes_no_memory_of_its_own(blog_transaction: dict[str, float]) -> None:
    text = b"[" + b"1," * 300_000 + json.dumps(blog_transaction).encode() + b"]"
    tracemalloc.start()
    with pytest.raises(Refused, match="too many"):
        decode.json(text, Asked())
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    tracemalloc.start()
    with pytest.raises(Refused, match="too many"):
        decode.json(text)
    alone = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 1.1 * alone


@pytest.mark.parametrize("courtesy", [ALONE, Asked()], ids=["alone", "asked"])
@pytest.mark.parametrize("way", ["json", "lines"])
def test_what_is_whole_takes_the_fast_way(
    way: str, courtesy: Courtesy, blog_transaction: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(_: bytes) -> None:
        raise AssertionError("the thorough parser was asked")

    monkeypatch.setattr(body, "parse", slow)
    text = json.dumps([blog_transaction] if way == "json" else blog_transaction).encode()
    read = decode.json(text, courtesy)[0] if way == "json" else decode.lines(text, courtesy)
    assert read.tolist() == [list(blog_transaction.values())]


@pytest.mark.parametrize("courtesy", [ALONE, Asked()], ids=["alone", "asked"])
def test_a_doubled_name_is_seen_in_lines_too(blog_transaction: dict[str, float], courtesy: Courtesy) -> None:
    text = json.dumps(blog_transaction).encode()
    doubled = text.replace(b'"V3":', b'"V3": 1, "V3":')
    with pytest.raises(Refused) as caught:
        decode.lines(text + b"\n" + doubled, courtesy)
    assert [(fault.pointer, fault.mend) for fault in caught.value.faults] == [("/1/V3", "give it once")]


@pytest.mark.parametrize("way", ["json", "lines"])
def test_while_nobody_asks_all_is_read_at_a_stroke(
    way: str, blog_transaction: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def pieces(*_: object) -> None:
        raise AssertionError("it was read in pieces")

    monkeypatch.setattr(Courtesy, "pieces", pieces)
    text = json.dumps(blog_transaction).encode()
    rows = decode.json(b"[" + text + b"," + text + b"]")[0] if way == "json" else decode.lines(text + b"\n" + text)
    assert len(rows) == 2
