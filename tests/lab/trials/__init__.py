"""A family of one study, for the tests."""
