"""Reads a page of HTML as strictly as its makers should write it."""
from html.parser import HTMLParser

__all__ = ["Page"]

VOID = {"meta", "link", "br", "input"}


class Page(HTMLParser):
    """Every element opened is closed, in order; remembers what is where."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.found, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, name, attributes):
        self.found.append((name, dict(attributes)))
        if name not in VOID:
            self.open.append(name)

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, name) -> list[dict]:
        return [attributes for found, attributes in self.found if found == name]

    def text(self, *names) -> str:
        return " ".join(data for name, data in self.texts if not names or name in names)
