"""The template of recurrent layers, and its three families."""
