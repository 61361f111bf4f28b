"""What of a document is embedded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from banyan.retrieval.words import spoken

if TYPE_CHECKING:
    from banyan.core.find import Document

RECIPE = "t2"
"""Name of this way of making a text: vectors are kept under it, so that a change of it embeds anew."""

MAX_CHARS = 2_000
"""Characters of a text that are handed to an encoder; none reads as many tokens."""


def text_of(document: Document) -> str:
    """Return the text of `document` that is embedded: what it is called, what it does, who offers it.

    Names are spelt as words. Of seven forms that were tried on the development queries this and the one without the
    server found most; parameter names added nothing, and the server in front took from what follows.
    """
    name, server = spoken(document.name), spoken(document.server)
    title = document.title if spoken(document.title) != name else ""
    said = " ".join(part for part in (title, document.text) if part)
    return f"{name}: {said} ({server})"[:MAX_CHARS] if server else f"{name}: {said}"[:MAX_CHARS]
