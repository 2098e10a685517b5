"""Models of logs of events."""
