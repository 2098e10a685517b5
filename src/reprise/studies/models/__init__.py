"""Models of one task each, beyond a stack of layers."""
