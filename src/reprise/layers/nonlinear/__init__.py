"""Recurrences in which the next memory is any function of the last.

Take one of these where something has to be tracked exactly (a count, a parity, a bracket that is still open), where the
state is small and streams are many, or as the baseline that everything else has to beat. They step through time one
after another: their training is as long as the sequence, unless `solver="newton"` evaluates all steps at once.
"""
