"""Learning to act, where a reward is all that is told."""
