"""Whatever the API accepts gets a probability, the same alone, in a batch, through Arrow, and from `Scorer`."""

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import Client

from fraud import schema
from fraud.api.lane import Lane
from fraud.api.model import BOUNDS
from fraud.scorer import Scorer

TRANSACTIONS = st.fixed_dictionaries(
    {
        name: st.floats(low, high) | st.floats(max(low, -100), 100) | st.sampled_from([low, high, 0.0, 5e-324])
        for name, (low, high) in BOUNDS.items()
    }
)


@pytest.fixture(scope="module")
def scorer(bundle_folder: Path) -> Scorer:
    return Scorer(bundle_folder)


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(sent=st.lists(TRANSACTIONS, min_size=1, max_size=5))
def test_every_way_to_ask_gives_the_scorers_answer(app: Flask, scorer: Scorer, sent: list[dict[str, float]]) -> None:
    client = Client(Lane(app))
    expected = scorer.score([[one[name] for name in schema.FEATURES] for one in sent])
    assert np.isfinite(expected.probability).all()
    assert ((expected.probability >= 0) & (expected.probability <= 1)).all()

    together = client.post("/predict", json=sent)
    lines = client.post("/predict", data="\n".join(map(json.dumps, sent)), content_type="application/x-ndjson")
    arrow = client.post("/predict", data=stream(sent), content_type="application/vnd.apache.arrow.stream")
    columns = pa.ipc.open_stream(arrow.data).read_all()
    told = together.get_json()
    assert [json.loads(line) for line in lines.text.splitlines()] == told
    assert [answer["probability"] for answer in told] == expected.probability.tolist()
    assert columns["probability"].to_pylist() == expected.probability.tolist()
    assert [answer["decision"] for answer in told] == columns["decision"].to_pylist() == expected.decision.tolist()

    # A product of matrices may round by how many rows there are.
    alone = [client.post("/predict", json=one).get_json()["probability"] for one in sent]
    assert alone == pytest.approx(expected.probability.tolist(), abs=1e-6)
    assert alone == [scorer.score([[one[name] for name in schema.FEATURES]]).probability[0] for one in sent]


def stream(sent: list[dict[str, float]]) -> bytes:
    table = pa.Table.from_pylist(sent)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return sink.getvalue()
