"""Models of statistics, through statsforecast: each series has its own."""
