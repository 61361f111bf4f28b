"""Documents for tests of search."""

from __future__ import annotations

import hashlib

from banyan.core.find import Document
from banyan.core.tool import EffectKind


def document(
    key: str,
    text: str = "",
    *,
    name: str | None = None,
    title: str = "",
    details: str = "",
    server: str = "",
    source: str = "",
    tags: tuple[str, ...] = (),
    effects: EffectKind | None = None,
) -> Document:
    told = "\0".join([name or key, title, text, details, server, source, *tags, str(effects)])
    return Document(
        key=key,
        kind="tool",
        digest=hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest(),
        name=name or key,
        title=title,
        text=text,
        details=details,
        server=server,
        source=source,
        tags=tags,
        effects=effects,
    )


OFFICE = (
    document("mail__send_email", "Send an email message to one or more people.", name="send_email", server="mail"),
    document("mail__list_messages", "List the messages of a mailbox.", name="list_messages", server="mail"),
    document("github__list_issues", "List issues in a repository.", name="list_issues", server="github"),
    document("github__create_issue", "Open a new issue in a repository.", name="create_issue", server="github"),
    document(
        "github__list_issue_types",
        "List types of issues an organisation has.",
        name="list_issue_types",
        server="github",
    ),
    document("files__read_file", "Read the whole content of a file.", name="read_file", server="files"),
    document("files__write_file", "Write text to a file, replacing what is there.", name="write_file", server="files"),
    document("sky__get_forecast", "Weather forecast for a city for the next days.", name="get_forecast", server="sky"),
    document("zeit__aktuelle_uhrzeit", "Gibt die aktuelle Uhrzeit zurück.", name="aktuelle_uhrzeit", server="zeit"),
    document("tenki__yohou", "指定した都市の天気予報を取得します。", name="yohou", server="tenki"),
)
"""A small catalogue, in several languages."""
