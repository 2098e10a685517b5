"""What a recurrence can compute, and what it cannot."""
