"""What a report says that depends on the kind of data: a module a kind, each with the same functions."""
from collections.abc import Iterable
from typing import Any, Protocol

from reprise.app.drawing.markup import Markup
from reprise.app.findings.summary import Summary
from reprise.app.report.kinds import events, series, text

__all__ = ["KINDS", "Kind"]


class Kind(Protocol):
    """What a module here has."""

    def size(self, card: dict[str, Any]) -> str | None:
        """How much data there are, in few words."""

    def facts(self, card: dict[str, Any]) -> list[tuple[object, object]]:
        """What the card says, but for name and digest: terms and what they are."""

    def sections(self, summary: Summary) -> Iterable[tuple[str, str, *tuple[Markup | None, ...]]]:
        """Title, a note and the content of each section that only this kind has; one without content is left out."""

    def use(self, summary: Summary, model: str, path: str) -> tuple[str, str] | None:
        """What the best model may do next, and the command for it; `path` is quoted already. None for nothing."""


KINDS: dict[str, Kind] = {"events": events, "series": series, "text": text}
