"""Learning one task after another: streams of tasks, strategies as values, measures of forgetting and of plasticity."""
