"""Logs of events: who, when, what; opened, split and laid in batches."""
from reprise.data.events.batches import UNTIMED, EventBatch, Events, Following, PackedEvents, padded
from reprise.data.events.log import UNKNOWN, Case, EventLog
from reprise.data.events.open import list_events, open_events
from reprise.data.events.split import EventSplit, split_events

__all__ = [
    "UNKNOWN",
    "UNTIMED",
    "Case",
    "EventBatch",
    "EventLog",
    "EventSplit",
    "Events",
    "Following",
    "PackedEvents",
    "list_events",
    "open_events",
    "padded",
    "split_events",
]
