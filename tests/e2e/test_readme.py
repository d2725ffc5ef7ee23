"""The README's commands, run one after the other as they stand there, in a copy of the project."""

import json
import os
import re
import signal
import subprocess
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tomli_w

pytestmark = [pytest.mark.long, pytest.mark.timeout(1_800)]

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]


@pytest.fixture(scope="module")
def tree(new_tree: Callable[[], Any]) -> Iterator[Any]:
    """The copy that the commands run in, one after the other, with a port that is free."""
    tree = new_tree()
    tree.server = None
    yield tree
    if tree.server is not None:
        os.killpg(tree.server.pid, signal.SIGTERM)
        tree.server.wait(20)


def test_the_two_commands_come_first() -> None:
    assert COMMANDS[:2] == ["make all", "make test"]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[:50])
def test_command(tree: Any, command: str) -> None:
    if command == "make test":
        # It would run this very test again: that its recipe is sound is all that is asked here.
        command = "make -n test"
    if "transactions.csv" in command and not (tree.folder / "transactions.csv").exists():
        pd.read_parquet(tree.folder / "build/twin.parquet").to_csv(tree.folder / "transactions.csv", index=False)
    if command.startswith(("make select", "make experiments")):
        _keep_few_candidates(tree.folder / "fraud/learn/candidates.toml")
    if command == "make serve":
        tree.server = subprocess.Popen(command.split(), cwd=tree.folder, env=tree.environment, start_new_session=True)
        _wait_for("http://127.0.0.1:8000/health", tree)
        return
    done = tree.run(command)
    # Gates of the full data may say no to a model of a few thousand rows: that is an answer, not a fault.
    refused = command.startswith("make all") and "must not ship" in done.stdout
    assert done.returncode == 0 or refused, done.stdout + done.stderr
    if command.startswith("curl"):
        answer = json.loads(done.stdout)
        assert answer["prediction"] in (0, 1)
        assert 0 <= answer["probability"] <= 1


def _keep_few_candidates(registry: Path) -> None:
    """All of them take half an hour, even on a small twin."""
    few = ("logistic", "logistic-undersampled", "lightgbm", "lightgbm-defaults", "imbalance-nothing", "imbalance-under")
    candidates = tomllib.loads(registry.read_text())
    kept = {name: entry for name, entry in candidates.items() if name in (*few, "features-none", "features-hour")}
    registry.write_text(tomli_w.dumps(kept))


def _wait_for(url: str, tree: Any) -> None:
    """As long as it takes: candidates that were edited above are trained anew before anything is served."""
    while tree.server.poll() is None:
        if tree.run(f"curl --fail --silent {url}").returncode == 0:
            return
        time.sleep(0.2)
    pytest.fail(f"it ended without an answer at {url}")
