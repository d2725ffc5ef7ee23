"""Answers to Arrow streams, read by pyarrow: what JSON says, in columns."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from werkzeug.test import Client

from fraud import schema
from fraud.api.arrow_encode import ArrowEncoder
from fraud.scorer import Scorer

ARROW = "application/vnd.apache.arrow.stream"


def answers(client: Client, sent: list[dict[str, float]], path: str = "/predict", most: int | None = None) -> pa.Table:
    sink = io.BytesIO()
    table = pa.Table.from_pylist(sent)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=most)
    response = client.post(path, data=sink.getvalue(), content_type=ARROW)
    assert (response.status_code, response.content_type) == (200, ARROW), response.data
    read = pa.ipc.open_stream(response.data).read_all()
    read.validate(full=True)
    return read


@pytest.mark.parametrize("path", ["/predict", "/predict?reasons=always", "/predict?reasons=alerts"])
@pytest.mark.parametrize("most", [None, 4])
def test_columns_hold_what_json_says(
    client: Client, blog_transaction: dict[str, float], path: str, most: int | None
) -> None:
    sent = [blog_transaction | {"V14": float(v14), "Time": 5.0 - i} for i, v14 in enumerate(np.linspace(2, -8, 25))]
    told: list[dict[str, Any]] = client.post(path, json=sent).get_json()
    models = [answer.pop("model") for answer in told]
    read = answers(client, sent, path, most)
    assert read.to_pylist() == told
    assert {answer["decision"] for answer in told} == {"approve", "review", "decline"}
    assert any(answer["warnings"] for answer in told)
    metadata = {b"model.version": models[0]["version"].encode(), b"model.digest": models[0]["digest"].encode()}
    assert read.schema.metadata == metadata


def test_the_columns_have_the_types_that_are_promised(client: Client, blog_transaction: dict[str, float]) -> None:
    warning = pa.struct([("feature", pa.string()), ("value", pa.float64()), ("detail", pa.string())])
    reason = pa.struct([("feature", pa.string()), ("value", pa.float64()), ("contribution", pa.float64())])
    expected = {
        "prediction": pa.int8(),
        "probability": pa.float64(),
        "decision": pa.string(),
        "threshold": pa.float64(),
        "warnings": pa.list_(warning),
        "reasons": pa.list_(reason),
    }
    read = answers(client, [blog_transaction])
    assert {field.name: field.type for field in read.schema} == expected


def test_the_probabilities_are_the_scorers(client: Client, bundle_folder: Path) -> None:
    rows = np.random.default_rng(5).normal(size=(1_000, len(schema.FEATURES))) ** 2
    scores = Scorer(bundle_folder).score(rows)
    read = answers(client, [dict(zip(schema.FEATURES, row, strict=True)) for row in rows.tolist()])
    assert np.array_equal(read["probability"], scores.probability)
    assert read["decision"].to_pylist() == scores.decision.tolist()


def test_a_usual_batch_has_empty_lists(client: Client) -> None:
    usual = dict.fromkeys(schema.FEATURES, 0.0) | {"Amount": 20.0, "Time": 5.0}
    read = answers(client, [usual] * 3)
    assert read["warnings"].to_pylist() == read["reasons"].to_pylist() == [[], [], []]


def test_texts_beyond_ascii_are_read_as_they_are(bundle_folder: Path) -> None:
    scores = Scorer(bundle_folder).score(np.zeros((3, len(schema.FEATURES))))
    details = ["größer", "", "≥ 1 \N{PILE OF POO}"]
    warnings = {2: [{"feature": "V1", "value": 1.0, "detail": detail} for detail in details]}
    read = pa.ipc.open_stream(ArrowEncoder({}).encode(scores, warnings, {})).read_all()
    read.validate(full=True)
    assert read["warnings"].to_pylist() == [[], [], warnings[2]]
