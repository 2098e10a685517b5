"""Published sets of data that are no text, opened by name."""
