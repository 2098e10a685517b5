"""One comparison: its settings, the engine that runs it in turns, each trial, and what came out."""
