"""Models of panels: several series side by side, and what one says of another."""
