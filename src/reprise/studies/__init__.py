"""Papers as experiments: a file each, with a claim that can fail."""
