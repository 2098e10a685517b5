"""The LSTM with peepholes, and the variants that "LSTM: A Search Space Odyssey" compares: each is one change."""
