"""Studies of structure encoders."""
