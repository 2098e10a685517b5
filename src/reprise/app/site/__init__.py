"""The site of all studies and papers, below a folder of results."""
