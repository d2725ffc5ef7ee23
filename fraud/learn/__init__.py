"""Candidates, selection, calibration, the decision thresholds, and the bundles they end in."""
