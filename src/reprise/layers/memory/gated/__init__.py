"""Matrix memories that forget by gates: one rate a head or a channel, chosen by the input."""
