"""Forecasters of series."""
