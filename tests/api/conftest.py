"""An application on a real bundle, and the call that the blog post prints."""

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from fraud.api import create_app
from fraud.scorer import Scorer


@pytest.fixture(scope="session")
def app(bundle_folder: Path) -> Flask:
    return create_app(Scorer(bundle_folder))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
