"""The HTTP API: Flask serves a bundle's `Scorer`, and nothing that trains is imported."""

from fraud.api.app import create_app
from fraud.api.server import run

__all__ = ["create_app", "run"]
