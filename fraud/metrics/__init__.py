"""Pure functions on arrays: what a model is worth, and how sure that is."""
