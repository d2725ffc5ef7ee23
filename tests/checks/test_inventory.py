import json
import platform
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from checks import inventory


@pytest.fixture(scope="module")
def told():
    """As an image tells it: the file alone, without the project beside it."""
    with Path(inventory.__file__).open("rb") as script:
        done = subprocess.run([sys.executable, "-I", "-"], stdin=script, capture_output=True, check=True)
    return json.loads(done.stdout)


def test_it_tells_its_python_and_its_packages(told):
    assert told["python"] == platform.python_version()
    assert ["numpy", version("numpy")] in [each[:2] for each in told["distributions"]]


def test_it_tells_the_packages_of_its_system(told):
    if shutil.which("dpkg-query") is None:
        assert told["debian"] == []
        return
    names = [name for name, _, _ in told["debian"]]
    assert "dpkg" in names
    assert told["system"]["ID"]


def test_packages_that_were_removed_are_not_told(tmp_path, monkeypatch):
    asked = tmp_path / "dpkg-query"
    asked.write_text("#!/bin/sh\nprintf 'installed kept 1.0 amd64\\nconfig-files gone 2.0 amd64\\n'\n")
    asked.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert inventory.taken()["debian"] == [["kept", "1.0", "amd64"]]
