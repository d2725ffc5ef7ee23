"""This project's API as gunicorn takes it, to measure granian against: the very application that `serve` serves."""

import os
from pathlib import Path
from typing import Any


def create_app(folder: str, counts: str) -> Any:
    # prometheus_client reads it when it is imported.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = counts
    from fraud.api.app import create_server_app
    from fraud.scorer import Scorer

    return create_server_app(Scorer(Path(folder)), access_log=True, counts=Path(counts))
