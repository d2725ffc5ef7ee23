"""Arrow streams that pyarrow writes, read or refused; and damaged ones."""

import io
import json
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from flatbuffers import number_types
from werkzeug.test import Client, TestResponse

from fraud import schema
from fraud.api import arrow_decode, arrow_messages
from fraud.api.problems import MEDIA_TYPE

ARROW = "application/vnd.apache.arrow.stream"


def table(rows: int = 3, **columns: Any) -> pa.Table:
    """Transactions whose values tell row and column; some columns replaced, or added, or left out with `None`."""
    usual = {name: np.arange(rows) + i / 100 for i, name in enumerate(schema.FEATURES)}
    return pa.table({name: column for name, column in (usual | columns).items() if column is not None})


def stream(written: pa.Table, most: int | None = None, **options: Any) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, written.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(written, max_chunksize=most)
    return sink.getvalue()


def problem(client: Client, body: bytes, status: int = 422) -> dict[str, Any]:
    response: TestResponse = client.post("/predict", data=body, content_type=ARROW)
    document: dict[str, Any] = json.loads(response.data)
    assert (response.status_code, response.mimetype) == (status, MEDIA_TYPE), document
    return document


def told(document: Mapping[str, Any]) -> dict[str, str]:
    return {fault["pointer"]: fault["mend"] for fault in document["errors"]}


def test_columns_in_any_order_and_several_batches_are_read() -> None:
    written = table(7)
    expected = np.column_stack([written[name] for name in schema.FEATURES])
    backwards = written.select(list(reversed(schema.FEATURES))).replace_schema_metadata({"a": "b"})
    for most in (1, 3, 7):
        assert np.array_equal(arrow_decode.rows(stream(backwards, most)), expected)


@pytest.mark.parametrize("kind", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
def test_integers_are_read(kind: str) -> None:
    rows = arrow_decode.rows(stream(table(V7=pa.array([0, 1, 100], kind))))
    assert rows[:, schema.FEATURES.index("V7")].tolist() == [0, 1, 100]


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_floats_are_read(kind: str) -> None:
    rows = arrow_decode.rows(stream(table(V7=pa.array([-0.5, 0.0, 1.5], kind))))
    assert rows[:, schema.FEATURES.index("V7")].tolist() == [-0.5, 0.0, 1.5]


@pytest.mark.parametrize("most", [None, 1])
def test_a_stream_may_be_empty(client: Client, most: int | None) -> None:
    response = client.post("/predict", data=stream(table(0), most), content_type=ARROW)
    assert pa.ipc.open_stream(response.data).read_all().num_rows == 0


def test_a_bitmap_that_marks_no_null_is_read() -> None:
    column = pa.Array.from_buffers(
        pa.float64(), 3, [pa.py_buffer(b"\x07"), pa.py_buffer(np.arange(3.0))], null_count=-1
    )
    written = table(V1=pa.chunked_array([column]))
    assert arrow_decode.rows(stream(written))[:, 1].tolist() == [0, 1, 2]


def test_every_wrong_column_is_named_at_once(client: Client) -> None:
    written = table(V3=None, V4=None, Class=[0, 1, 0], V5=["1", "2", "3"], V6=[True, False, True])
    written = written.append_column("V7", written["V7"])
    mends = told(problem(client, stream(written)))
    assert mends["/V3"] == mends["/V4"] == "add it: a column of numbers, unit none"
    assert mends["/Class"].startswith("remove it")
    assert mends["/V5"] == mends["/V6"] == "give it as floats or integers, not by a dictionary"
    assert mends["/V7"] == "give it once"
    assert len(mends) == 6


WRONG_TYPES = {
    "dictionary": pa.array([1.0, 2.0, 1.0]).dictionary_encode(),
    "text": ["a", "b", "c"],
    "decimal": pa.array([1, 2, 3], pa.decimal128(5, 2)),
    "timestamp": pa.array([1, 2, 3], pa.timestamp("ns")),
    "list": [[1.0], [2.0], [3.0]],
    "struct": [{"a": 1.0}] * 3,
    "null": pa.nulls(3),
    "view": pa.array(["a", "b", "c"], pa.string_view()),
}


@pytest.mark.parametrize("column", WRONG_TYPES.values(), ids=WRONG_TYPES)
def test_a_wrong_type_is_named(client: Client, column: Any) -> None:
    assert list(told(problem(client, stream(table(V2=column))))) == ["/V2"]


@pytest.mark.parametrize(
    ("name", "pointer"), [("a/b~c", "/a~1b~0c"), ("x" * 5_000, "/" + "x" * 60 + "…"), ("ä", "/ä"), ("", "/")]
)
def test_an_unknown_column_is_named(client: Client, name: str, pointer: str) -> None:
    assert list(told(problem(client, stream(table(**{name: [1, 2, 3]}))))) == [pointer]


def test_wrong_values_are_named_as_in_json(client: Client) -> None:
    columns = {
        "V1": pa.array([None, 1.0, None], pa.float32()),
        "V2": [1.0, np.nan, 2.0],
        "V3": pa.array([1.0, 2.0, -np.inf], pa.float32()),
        "V4": [1e16, 0.0, 0.0],
        "Amount": [0.0, -1.0, 2.0],
    }
    document = problem(client, stream(table(**columns), most=2))
    assert document["errors"] == [
        {"pointer": "/0/V1", "value": "null", "mend": "give a number"},
        {"pointer": "/0/V4", "value": "1e+16", "mend": "give at most 1e+15"},
        {"pointer": "/1/V2", "value": "nan", "mend": "give a finite number"},
        {"pointer": "/1/Amount", "value": "-1", "mend": "give at least 0: an amount is never negative"},
        {"pointer": "/2/V1", "value": "null", "mend": "give a number"},
        {"pointer": "/2/V3", "value": "-inf", "mend": "give a finite number"},
    ]


def test_a_signalling_nan_is_a_wrong_value(client: Client) -> None:
    signalling = np.frombuffer(struct.pack("<3I", 0x7FA00000, 0, 0), np.float32)
    assert list(told(problem(client, stream(table(V1=signalling))))) == ["/0/V1"]


def test_as_many_faults_as_there_are_values_are_refused_soon(client: Client) -> None:
    start = time.perf_counter()
    document = problem(client, stream(table(10_000, **dict.fromkeys(schema.FEATURES, np.full(10_000, np.nan)))))
    assert len(document["errors"]) == 1_000
    assert time.perf_counter() - start < 20


def test_too_much_is_refused(client: Client) -> None:
    assert "10,001 transactions" in problem(client, stream(table(10_001), 5_000))["detail"]
    assert "record batches" in problem(client, stream(table(1_001), 1))["detail"]
    wide = pa.table({f"c{i}": [1.0] for i in range(1_001)})
    assert "1,001 columns" in problem(client, stream(wide))["detail"]
    assert "metadata" in problem(client, stream(table().replace_schema_metadata({"a": "x" * 2**20})))["detail"]


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_compressed_batches_are_refused(client: Client, compression: str) -> None:
    assert "without compression" in problem(client, stream(table(), compression=compression))["detail"]


def file() -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table().schema) as writer:
        writer.write_table(table())
    return sink.getvalue()


WHOLE = stream(table(4), 2)
END = b"\xff\xff\xff\xff\x00\x00\x00\x00"

MALFORMED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "it lacks its end"),
    "JSON": (b'{"Time": 1.0}', "no message begins at byte 1;"),
    "a file": (file(), "no message begins at byte 1;"),
    "no end": (WHOLE[:-8], "it lacks its end"),
    "cut in a batch": (WHOLE[:-50], "it ends in the midst of a message"),
    "cut in the schema": (WHOLE[:100], ""),
    "rubbish behind": (WHOLE + b"rubbish!", "8 bytes follow its end"),
    "two streams": (WHOLE * 2, f"{len(WHOLE):,} bytes follow its end"),
    "only an end": (END, "it lacks a schema"),
    "a header without one": (WHOLE[:22] + b"\x00\x00" + WHOLE[24:], "leads out of it"),
}


@pytest.mark.parametrize(("body", "reason"), MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_whole_stream_is_refused(client: Client, body: bytes, reason: str) -> None:
    assert reason in problem(client, body, 400)["detail"]


def test_only_record_batches_follow_the_schema(client: Client) -> None:
    size = 8 + struct.unpack_from("<i", WHOLE, 4)[0]
    assert "then record batches" in problem(client, WHOLE[:size] * 2 + END)["detail"]
    assert "a schema" in problem(client, WHOLE[size:])["detail"]


def test_lengths_that_do_not_fit_the_buffers_are_refused(client: Client) -> None:
    body = stream(table(1_000))
    for claimed in (1_001, 10_000, -1):
        problem(client, body.replace(struct.pack("<q", 1_000), struct.pack("<q", claimed)), 400)
    [first, *_] = [place for place in range(len(body)) if body.startswith(struct.pack("<q", 1_000), place)]
    for claimed in (1, 999, 5_000):
        problem(client, body[:first] + struct.pack("<q", claimed) + body[first + 8 :], 400)


def test_a_big_endian_stream_is_refused(client: Client) -> None:
    header, _ = next(arrow_messages.read(WHOLE))
    offsets = 8 + header.Pos - header.Get(number_types.SOffsetTFlags, header.Pos)
    body = bytearray(WHOLE)
    # The field is absent, as little-endian is the default: let it stand where another one does, which is not 0.
    body[offsets + 4 : offsets + 6] = body[offsets + 6 : offsets + 8]
    assert "big-endian" in problem(client, bytes(body))["detail"]


@pytest.mark.parametrize(
    "count",
    [4_000, pytest.param(500_000, marks=[pytest.mark.endurance, pytest.mark.timeout(3_600)])],
    ids=["short", "long"],
)
def test_damaged_streams_are_read_or_refused(count: int) -> None:
    program = Path(__file__).with_name("fuzz_arrow.py")
    done = subprocess.run([sys.executable, str(program), str(count), "20"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr[-2_000:]) == (0, "")
