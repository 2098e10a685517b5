"""Reads a model and says what it does, without changing it."""
