"""Linear recurrences whose transition is made by the input: turned, reflected, or a dense matrix."""
