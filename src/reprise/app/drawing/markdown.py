"""Text of others in Markdown."""

__all__ = ["cell", "plain"]


def plain(text: str) -> str:
    """On one line, with nothing that Markdown would read as its own."""
    text = " ".join(text.split())
    for sign in "\\*_<[":
        text = text.replace(sign, "\\" + sign)
    return text


def cell(text: str) -> str:
    """The same, for a table."""
    return plain(text).replace("|", "\\|")
