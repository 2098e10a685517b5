"""Elementwise and small linear recurrences: time is a scan.

Take one of these for long sequences, for trends, levels and slowly changing contexts, and where training must be
parallel over time. What they forget is chosen by the input or learned; what they keep is a vector, so that recall of
one thing among many is not for them. Positive decay cannot keep a parity: see `mamba_negative` and `block_diagonal`.
"""
