"""The words of a report, whatever the run."""

import pytest

from fraud.report import evidence
from fraud.report.story import story


@pytest.mark.parametrize("silent", [("random",), ("chronological",), ("random", "chronological"), ()])
def test_no_share_of_no_alerts_is_told(run, silent):
    read = evidence.read(run.build)
    for name in silent:
        for count in ("true_positives", "false_positives"):
            read.metrics["protocols"][name]["model"]["metrics"][count].update(value=0, low=0, high=0)
    told = story(read)["figures"][1]
    assert (told["value"] == "none") == (told["low"] is None) == ("random" in silent)
    assert (told["others"]["chronological"] == "no alert is raised") == ("chronological" in silent)
