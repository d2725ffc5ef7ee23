import numpy as np

from fraud.learn import latency
from fraud.learn.candidates import fit, registry
from fraud.learn.export import to_graph
from fraud.learn.selection import inputs


def test_many_trees_take_longer_than_a_line(draw):
    milliseconds = {}
    for name in ("logistic", "lightgbm"):
        candidate = registry()[name]
        prepared, label = inputs(draw(600, 60, 1), candidate)
        milliseconds[name] = latency.one_row(to_graph(fit(candidate, prepared, label, 1.0, 1)), prepared)
    assert 0 < milliseconds["logistic"] < milliseconds["lightgbm"] < 50


def test_a_few_rows_are_enough(draw):
    candidate = registry()["logistic"]
    prepared, label = inputs(draw(600, 60, 1), candidate)
    graph = to_graph(fit(candidate, prepared, label, 1.0, 1))
    assert np.isfinite(latency.one_row(graph, prepared[:3]))
