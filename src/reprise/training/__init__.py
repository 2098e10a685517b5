"""The loop, objectives, optimisers, schedules and checkpoints; handed a model, never choosing one."""
