"""Cells whose next state bends what they were: gated ones, plain ones."""
