"""Weights as data: made, changed and read by other networks."""
