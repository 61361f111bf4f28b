"""What of a document is embedded."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from banyan.core.find import Document

RECIPE = "t1"
"""Name of this way of making a text: vectors are kept under it, so that a change of it embeds anew."""


def text_of(document: Document) -> str:
    """Return the text of `document` that is embedded: who offers it, what it is called, what it does."""
    return f"{document.server} {document.name}: {document.title} {document.text}"
