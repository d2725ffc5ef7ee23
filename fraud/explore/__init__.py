"""What the data look like, before anything learns from them: figures, and the numbers behind them."""
