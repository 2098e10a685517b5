"""LSTMs and GRUs with other gates, other normalisations, or less recurrence, down to units that see only themselves."""
