"""Series of numbers: opened from tables, put on one clock, split for backtests, scored."""
