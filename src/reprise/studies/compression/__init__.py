"""What trained models can do without."""
