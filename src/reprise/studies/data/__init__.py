"""Studies of how data are seen."""
