"""The HTTP API: Flask serves a bundle's `Scorer`, and nothing that trains is imported."""
