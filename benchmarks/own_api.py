"""This project's API as gunicorn takes it, to measure granian against: the very application that `serve` serves."""

from pathlib import Path
from typing import Any

from benchmarks.servers import WORKERS
from fraud.api import cores
from fraud.api.app import create_server_app
from fraud.api.counts import Counts
from fraud.api.lines import STANDARD_OUTPUT, Lines
from fraud.scorer import Scorer


def create_app(folder: str, counts: str) -> Any:
    cores.stay(Path(counts), WORKERS)
    return create_server_app(Scorer(Path(folder)), Lines(STANDARD_OUTPUT), Counts(Path(counts)))
