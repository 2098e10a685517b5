"""Studies of models that go on learning, and of what they forget."""
