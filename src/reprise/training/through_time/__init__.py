"""How far back the gradient goes, and what keeps it from growing on its way: spans, and forcing by the data."""
