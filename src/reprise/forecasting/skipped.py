"""A method may leave a split out, if it says why."""
from reprise.core.errors import InputError

__all__ = ["Skipped"]


class Skipped(InputError):
    """A method cannot, or not in time, forecast a split; the message is the reason, for the table of results."""
