"""Pages drawn from the artefacts of a run."""
