"""A model in, a smaller one out: what can be taken from trained weights."""
