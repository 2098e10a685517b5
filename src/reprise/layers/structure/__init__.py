"""Structure encoders: the elements of a tree, in order, become one vector for the whole."""
