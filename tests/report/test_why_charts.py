"""The charts of what the model goes by: their findings in words, in the reader's colours."""

import json

import pytest

from fraud.report import evidence, words
from fraud.report.canvas import Chart
from fraud.report.why_charts import why_charts


@pytest.fixture(scope="module")
def drawn(explored_run) -> dict[str, list[Chart]]:
    return why_charts(evidence.read(explored_run.build))


def test_each_protocol_has_both(drawn, explored_run):
    metrics = json.loads((explored_run.build / "metrics.json").read_text())
    assert drawn.keys() == metrics["protocols"].keys()
    for protocol, charts in drawn.items():
        assert [chart.id for chart in charts] == [f"importance-{protocol}", f"effects-{protocol}"]
        assert all("var(--model)" in chart.svg for chart in charts)


def test_the_words_name_what_matters_most(drawn, explored_run):
    metrics = json.loads((explored_run.build / "metrics.json").read_text())
    for protocol, (importance, effects) in drawn.items():
        found = metrics["protocols"][protocol]["model"]["importance"]
        lost = {name: figures["average_precision"] for name, figures in found["features"].items()}
        first = max(lost, key=lambda name: lost[name]["value"])
        assert f"The most: {first} {words.with_interval(lost[first], signed=True)}; " in importance.alt
        for name, effect in found["effects"].items():
            assert f"{name}: {effect['contribution'][0]:+.3g} at {words.number(effect['value'][0])}" in effects.alt


def test_every_point_of_the_effects_is_told(drawn, explored_run):
    metrics = json.loads((explored_run.build / "metrics.json").read_text())
    for protocol, (_, effects) in drawn.items():
        expected = [
            (name, *(words.number(found[key][place]) for key in ("value", "rows", "contribution")))
            for name, found in metrics["protocols"][protocol]["model"]["importance"]["effects"].items()
            for place in range(len(found["value"]))
        ]
        assert effects.table.rows == tuple(expected)
