"""What stands around a windowed forecaster: level and scale, a cycle, quantiles; and how it is told the time."""
