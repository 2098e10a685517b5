"""Tasks of languages and automata: what is right follows from all that came before."""
