"""This project's API as gunicorn takes it, to measure granian against: the very application that `serve` serves."""

import sys
from pathlib import Path
from typing import Any

from fraud.api.counts import reserve
from fraud.api.server import TURN


def create_app(folder: str, counts: str) -> Any:
    room = reserve(Path(counts))
    # Not before: what counts asks once, when it is imported, where to.
    from fraud.api.app import create_server_app
    from fraud.scorer import Scorer

    sys.setswitchinterval(TURN)
    return create_server_app(Scorer(Path(folder)), access_log=True, counts=room)
