"""Protocols, states, marks, registry, files, errors: what every room may name."""
