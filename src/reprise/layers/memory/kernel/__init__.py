"""Linear attention proper: a kernel in the place of exp(q . k), and reads that are weighted means."""
