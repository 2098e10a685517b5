"""Command line, compare, reports."""
