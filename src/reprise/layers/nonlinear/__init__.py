"""Recurrences in which the next memory is any function of the last."""
