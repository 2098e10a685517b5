"""Light recurrences: every matrix meets the input, and what recurs is elementwise."""
