"""Tasks in which something is to be kept, and found again."""
