"""Layers that attend: over a window, over all that was seen, or by a recurrence that stands in for it."""
