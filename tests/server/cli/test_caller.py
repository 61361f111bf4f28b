"""A tool that asks while it runs asks the person at the terminal."""

from __future__ import annotations

import io
import sys

import pytest

from banyan.core.ports import Elicited
from banyan.server.cli.caller import Person
from banyan.server.cli.terminal import Terminal

FORM = {
    "type": "object",
    "properties": {
        "decision": {"type": "string", "enum": ["once", "deny"], "title": "May it run?"},
        "times": {"type": "integer"},
        "note": {"type": "string"},
    },
    "required": ["decision", "times"],
}


class Tty(io.StringIO):
    """A terminal, as far as anybody can tell."""

    def isatty(self) -> bool:
        return True


def typing(monkeypatch: pytest.MonkeyPatch, text: str) -> Tty:
    shown = Tty()
    monkeypatch.setattr(sys, "stdin", Tty(text))
    monkeypatch.setattr(sys, "stdout", shown)
    monkeypatch.setattr(sys, "stderr", shown)
    return shown


async def test_a_form_is_filled_in_field_by_field(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = typing(monkeypatch, "maybe\nonce\n3\n\n")
    answer = await Person(Terminal()).elicit("Burn \x1b[2J it?", FORM)
    assert answer == Elicited(action="accept", content={"decision": "once", "times": 3})
    assert "May it run? (once, deny)" in shown.getvalue()
    assert "\x1b[2J" not in shown.getvalue()


@pytest.mark.parametrize(
    ("typed", "schema", "action"), [("", FORM, "cancel"), ("n\n", {}, "decline"), ("y\n", {}, "accept")]
)
async def test_a_person_can_cancel_and_decline(
    monkeypatch: pytest.MonkeyPatch, typed: str, schema: dict[str, object], action: str
) -> None:
    typing(monkeypatch, typed)
    answer = await Person(Terminal()).elicit("Sure?", schema)
    assert answer is not None
    assert answer.action == action


async def test_nobody_is_asked_through_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert await Person(Terminal()).elicit("Sure?", {}) is None


async def test_progress_is_one_line_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = typing(monkeypatch, "")
    person = Person(Terminal())
    await person.progress(1, 4, "reading")
    await person.progress(2, None, None)
    assert shown.getvalue() == "\r\x1b[K25% reading\r\x1b[K2"
