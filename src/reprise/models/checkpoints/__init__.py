"""Models that others have published: a file a format, each a table of names and options; one reader for all."""
