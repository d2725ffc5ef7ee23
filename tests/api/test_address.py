"""Slashes of which there are too many: no address, whichever door they would come through."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import Client, TestResponse

from fraud.api import keys
from fraud.api.app import create_server_app
from fraud.api.reply import EVERYWHERE
from fraud.scorer import Scorer


@pytest.fixture
def served(bundle_folder: Path, tmp_path: Path) -> Client:
    """Where keys are asked for: what is no address needs none."""
    keys.add(tmp_path / "keys", "till", None)
    return Client(create_server_app(Scorer(bundle_folder), api_keys=tmp_path / "keys"))


def ask(client: Client, path: str, **told: Any) -> TestResponse:
    # The client itself takes two slashes for the beginning of a host's name.
    there = {"PATH_INFO": path, "HTTP_HOST": "evil.example", "HTTP_X_REQUEST_ID": "mine"}
    return client.open("/", environ_overrides=there, **told)


def is_no_address(response: TestResponse) -> None:
    document = json.loads(response.data)
    assert (response.status_code, document["status"], document["id"]) == (404, 404, "mine")
    assert response.mimetype == "application/problem+json"
    assert "evil" not in response.text + str(response.headers)
    assert response.headers["X-Request-ID"] == "mine"
    for name, value in EVERYWHERE:
        assert response.headers[name] == value


@pytest.mark.parametrize("path", ["//", "//predict", "//health", "///health", "//static/page.css", "//x/health"])
def test_two_slashes_at_the_beginning_are_no_address(
    served: Client, path: str, blog_transaction: dict[str, float]
) -> None:
    is_no_address(ask(served, path))
    is_no_address(ask(served, path, method="POST", json=blog_transaction))


@pytest.mark.parametrize("path", ["/static//page.css", "/docs//swagger-ui.css"])
def test_two_slashes_further_on_lead_nowhere_else(app: Flask, path: str) -> None:
    is_no_address(ask(app.test_client(), path))
