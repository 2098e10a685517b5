"""Light recurrences: gates and candidates are made of the input alone, and what recurs is an elementwise scan."""
