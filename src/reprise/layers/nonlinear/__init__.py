"""Nonlinear recurrences: the next memory is any function of the last."""
