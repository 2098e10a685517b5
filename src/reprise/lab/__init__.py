"""Runs a grid of measurements: workers, rows on disk, resume after a kill."""
