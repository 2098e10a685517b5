"""Elementwise linear recurrences: time is a scan."""
