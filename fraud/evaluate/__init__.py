"""Scores the bundles on the rows that judge them."""
