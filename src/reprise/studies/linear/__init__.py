"""Studies of linear recurrences: what a transition chosen by the input can do, and what it costs."""
