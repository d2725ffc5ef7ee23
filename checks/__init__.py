"""The gates: of the data, of the model and its bundle, of the image."""
