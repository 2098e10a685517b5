"""Recurrences taken from dynamical systems: piecewise linear, rotating, fixed, fed back, modulated."""
