"""Layers that look a few steps back."""
