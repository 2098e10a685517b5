"""Layers that attend: over a window, over all that was seen, or by a recurrence that stands in for it.

Take `local_attention` beside recurrent layers, for exact recall of what is near; `full_attention` as the honest
baseline, whose cache grows with every step; the others where their paper's way of bounding that cache is wanted.
"""
