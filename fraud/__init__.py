"""Card transactions in, fraud decisions out."""

__version__ = "0.1.0"
