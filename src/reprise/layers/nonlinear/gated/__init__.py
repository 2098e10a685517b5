"""LSTMs and GRUs with other gates, other normalisations, or less recurrence."""
