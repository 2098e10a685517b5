"""Series made to order, for studies and tests: what is in them is known."""
