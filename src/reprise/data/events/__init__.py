"""Logs of events: who, when, what; opened, split and scored."""
