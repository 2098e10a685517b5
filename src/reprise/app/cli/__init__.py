"""The command line, a file for each kind of command."""
from reprise.app.cli import forecasting, learn, look, study
from reprise.app.cli.entry import app, main

__all__ = ["app", "forecasting", "learn", "look", "main", "study"]
