"""The verdict as JUnit XML, which CI systems show gate by gate."""

import re
from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from checks.gate import told

# What XML 1.0 has no way to write, not even escaped.
_UNSPEAKABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(verdict: Mapping[str, Any]) -> bytes:
    """One test case a gate, in one suite; in UTF-8.

    Args:
        verdict: what `gate.json` says.
    """
    gates = verdict["gates"]
    failures = sum(not gate["passed"] for gate in gates)
    counts = {"tests": str(len(gates)), "failures": str(failures), "errors": "0"}
    root = Element("testsuites", counts)
    suite = SubElement(root, "testsuite", counts, name="gates", timestamp=verdict["provenance"]["created"])
    properties = SubElement(suite, "properties")
    stated = {"sentence": verdict["sentence"], "synthetic": str(verdict["synthetic"]).lower(), **verdict["bundles"]}
    for name, value in stated.items():
        SubElement(properties, "property", name=name, value=value)
    for gate in gates:
        # Two gates may share a name, one on the value and one on an end of its interval; cases must not.
        case = SubElement(suite, "testcase", name=gate["name"], classname=f"gates.{gate['judged']}")
        if not gate["passed"]:
            failure = SubElement(case, "failure", message=f"{gate['bound']:.6g}, wanted {gate['limit']}")
            failure.text = told(gate)
    indent(root)
    text = _UNSPEAKABLE.sub("\ufffd", tostring(root, encoding="unicode"))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()
