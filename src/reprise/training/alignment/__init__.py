"""Training on several domains so that what a model makes of them is alike: how far apart samples are, and by how much
that counts.
"""
