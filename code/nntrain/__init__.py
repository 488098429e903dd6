"""Training neural networks, small enough to read."""
