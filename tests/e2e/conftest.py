"""A copy of the project to run `make` in."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STEP = re.compile(r"-m (fraud|checks) (\w+)")


class Tree:
    """A copy of the project in a folder of its own, so that a test may edit it, using this environment's packages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
            text=True,
        )
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        (folder / ".venv").symlink_to(sys.prefix)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("FRAUD_", "MAKE", "MFLAGS"))}
        small = {"DATA_SOURCE": "twin", "TWIN_ROWS": "6000", "TWIN_FRAUDS": "120"}
        self.environment = {**kept, **small}

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a shell command in the copy."""
        return subprocess.run(
            command, shell=True, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )

    def make(self, *targets: str) -> subprocess.CompletedProcess[str]:
        return self.run(f"make {' '.join(targets)}")

    def steps(self, *targets: str) -> list[str]:
        """The steps that a run with these targets would take, by dry run."""
        done = self.make("-n", *targets)
        assert done.returncode == 0, done.stderr
        return [" ".join(found) for found in STEP.findall(done.stdout)]

    def protocols(self) -> dict[str, object]:
        """What the run's metrics say, without its provenance."""
        return json.loads((self.folder / "build/metrics.json").read_text())["protocols"]


@pytest.fixture(scope="session")
def new_tree(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Tree]:
    """Makes copies of the project, as `make test` runs it."""
    if not (Path(sys.prefix) / ".installed").exists():
        pytest.skip("needs the environment that `make` installs: run `make test-long`")
    return lambda: Tree(tmp_path_factory.mktemp("tree"))
