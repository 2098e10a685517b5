"""Corpora of bytes: what a user brings, its parts and kinds, read as one stream."""
