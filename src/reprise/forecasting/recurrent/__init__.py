"""Recurrent layers as forecasters: how they are trained on series, and asked with a state that is carried."""
