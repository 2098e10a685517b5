"""What forecasts of series are worth."""
