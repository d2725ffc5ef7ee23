from xml.etree import ElementTree

import pytest

from checks import junit, model, thresholds
from checks.gate import Gate, told


@pytest.fixture
def judged(run_copy, limits):
    """What the step returned, and the `gate.xml` that it wrote, of two gates on one metric: the latter fails."""
    recall = 'protocol = "random"\nmetric = "recall"'
    limits(f'{recall}\nbind = "value"\nmin = 0.01', f'{recall}\nbind = "high"\nmin = 1.01')
    document = model.run(run_copy)
    return document, ElementTree.parse(run_copy.build / "gate.xml").getroot()


def document(*gates):
    return {
        "sentence": "A sentence.",
        "synthetic": True,
        "bundles": {"model": "0" * 64},
        "gates": [gate.record() for gate in gates],
        "provenance": {"created": "2026-11-26T00:53:22+00:00"},
    }


def test_there_is_one_case_a_gate_in_one_suite(judged):
    document, root = judged
    (suite,) = root
    assert (root.tag, suite.tag, suite.get("name")) == ("testsuites", "testsuite", "gates")
    assert [case.get("name") for case in suite.iter("testcase")] == [gate["name"] for gate in document["gates"]]
    counts = {"tests": str(len(document["gates"])), "failures": "1", "errors": "0"}
    assert counts.items() <= suite.attrib.items()
    assert counts == root.attrib


def test_a_gate_that_fails_says_what_was_measured_and_what_was_wanted(judged):
    document, root = judged
    failed = [case for case in root.iter("testcase") if len(case)]
    assert [case.get("name") for case in failed] == [gate["name"] for gate in document["gates"] if not gate["passed"]]
    (failure,) = failed[0]
    gate = document["gates"][-1]
    assert failure.tag == "failure"
    assert failure.get("message") == f"{gate['high']:.6g}, wanted at least 1.01"
    assert failure.text == told(gate)


def test_it_says_which_bundles_were_judged_and_on_what_data(judged):
    document, root = judged
    stated = {each.get("name"): each.get("value") for each in root.iter("property")}
    assert stated == {"sentence": document["sentence"], "synthetic": "false", **document["bundles"]}


def test_no_two_gates_that_ship_are_one_case():
    gates = (
        Gate(f"{limit.protocol}: {limit.metric}", 0, limit.reason, 0, 0, min=limit.min, judged=limit.bind)
        for limit in thresholds.read().model
    )
    cases = [
        (case.get("classname"), case.get("name"))
        for case in ElementTree.fromstring(junit.document(document(*gates))).iter("testcase")
    ]
    assert len(set(cases)) == len(cases)


def test_what_xml_has_no_way_to_write_keeps_no_reader_from_it():
    reason = "<&>\"' é \U0001f600 \x00\x1b\ud800\uffff"
    written = junit.document(document(Gate("random: recall", 0.5, reason, min=0.6)))
    (failure,) = ElementTree.fromstring(written).iter("failure")
    assert failure.text.splitlines()[-1] == "<&>\"' é \U0001f600 " + "\ufffd" * 4
