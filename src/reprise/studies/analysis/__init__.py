"""What trained models keep in their states, and where they break."""
