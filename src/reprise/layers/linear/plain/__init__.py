"""Linear recurrences between two matrices, with fewer of the parts that make them trainable: the rungs below LRU."""
