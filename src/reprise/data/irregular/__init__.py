"""Series looked at now and then, each channel on its own: as triples, as matrices with masks, as bins."""
