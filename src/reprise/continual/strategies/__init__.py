"""Strategies of continual learning, a file each: values that say what happens beside the descent of the loss."""
