import numpy as np
import onnx
import pytest

from fraud import schema
from fraud.learn import export
from fraud.learn.candidates import REFERENCE, fit, registry
from fraud.learn.selection import inputs

# That the graph answers as the pipeline does, at any value, is the contract of every candidate: see test_candidates.py.


@pytest.fixture(
    scope="module",
    params=[registry()["logistic-undersampled"], registry()["blend-of-three"], REFERENCE],
    ids=lambda candidate: candidate.name,
)
def exported(request, draw):
    fitted = fit(request.param, *inputs(draw(400, 40, 8), request.param), 1.0, 1)
    return request.param, fitted, onnx.load_model_from_string(export.to_graph(fitted))


def test_the_graph_is_sound_and_has_one_input_and_one_output(exported):
    _, _, graph = exported
    onnx.checker.check_model(graph, full_check=True)
    (given,), (answered,) = graph.graph.input, graph.graph.output
    assert (given.name, answered.name) == ("transactions", "fraud")
    for value, width in ((given, len(schema.FEATURES)), (answered, 1)):
        assert value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
        rows, columns = value.type.tensor_type.shape.dim
        assert columns.dim_value == width
        assert not rows.dim_value


def test_the_opset_is_the_one_that_older_runtimes_know(exported):
    *_, graph = exported
    newest = {"": 18, "ai.onnx.ml": 3}
    for entry in graph.opset_import:
        assert entry.version <= newest[entry.domain]


def test_the_bytes_do_not_hang_on_the_order_of_a_set(exported):
    """skl2onnx keeps its opsets in one, so that two processes would write the same model differently."""
    *_, graph = exported
    opsets = [(entry.domain, entry.version) for entry in graph.opset_import]
    assert opsets == sorted(opsets)


def test_the_graph_carries_no_resampler(exported):
    candidate, fitted, graph = exported
    assert "sampl" not in str(graph).lower()
    # Which the pipeline that it was made from has, where the candidate resamples.
    assert ("resample" in fitted.pipelines[0].named_steps) == (candidate.resample is not None)


def test_the_output_is_what_the_candidate_says(exported, draw):
    candidate, fitted, _ = exported
    prepared, _ = inputs(draw(50, 10, 9), candidate)
    answered = fitted.output(prepared)
    each = np.array([pipeline.predict_proba(prepared)[:, 1] for pipeline in fitted.pipelines])
    expected = each if candidate.output == "probability" else np.log(each / (1 - each))
    assert answered == pytest.approx(np.average(expected, axis=0, weights=candidate.counts or None), abs=1e-5)
