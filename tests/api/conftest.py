"""An application on a real bundle behind its two doors, and the call that the blog post prints."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import Client

from fraud.api.app import create_app
from fraud.api.lane import Lane
from fraud.api.lines import STANDARD_OUTPUT, Lines
from fraud.scorer import Scorer


@pytest.fixture(scope="session")
def app(bundle_folder: Path) -> Flask:
    return create_app(Scorer(bundle_folder))


@pytest.fixture
def lines() -> Iterator[Lines]:
    """The access log; to be flushed before it is read."""
    log = Lines(STANDARD_OUTPUT)
    yield log
    log.flush()


@pytest.fixture(params=["flask", "lane"])
def client(request: pytest.FixtureRequest, app: Flask) -> Client:
    """Through Flask alone, and as it is served."""
    return app.test_client() if request.param == "flask" else Client(Lane(app))
