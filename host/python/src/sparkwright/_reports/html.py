"""HTML for notebooks: plain tables in the notebook's own colours. All texts are escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

SHORT = 24
STYLE = "text-align:left;padding:2px 12px 2px 0;vertical-align:top"


def block(title: str, *parts: str) -> str:
    """A titled block; `parts` are HTML already."""
    return f'<div class="sparkwright"><p><b>{escape(title)}</b></p>{"".join(parts)}</div>'


def paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; nothing when it has no rows."""
    body = "".join(f"<tr>{''.join(_cell('td', cell) for cell in row)}</tr>" for row in rows)
    if not body:
        return ""
    return f"<table><thead><tr>{''.join(_cell('th', cell) for cell in head)}</tr></thead><tbody>{body}</tbody></table>"


def items(title: str, texts: Iterable[str]) -> str:
    """A titled list; nothing when it has no items."""
    listed = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f"<p>{escape(title)}</p><ul>{listed}</ul>" if listed else ""


def share_bar(share: float) -> str:
    """A bar of a share of one, 12 characters long, as text."""
    full = round(max(0.0, min(1.0, share)) * 12)
    return "█" * full + "░" * (12 - full)


def _cell(tag: str, content: object) -> str:
    text = str(content)
    # A figure and its unit stay on one line.
    style = f"{STYLE};white-space:nowrap" if len(text) <= SHORT else STYLE
    return f'<{tag} style="{style}">{escape(text)}</{tag}>'
