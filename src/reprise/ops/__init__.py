"""Numerical recurrences as pure functions on tensors: the only room that knows a kernel language."""
