"""Sets of series that are known by name, with their official test parts."""
