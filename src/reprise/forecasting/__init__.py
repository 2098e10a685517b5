"""What comes next, in series and in logs of events: methods behind one protocol, baselines among them, backtests."""
