"""Memories that are networks: their weights are the state, and learn while they read."""
