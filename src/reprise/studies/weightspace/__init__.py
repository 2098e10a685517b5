"""Networks whose weights come from other networks, or are read by them."""
