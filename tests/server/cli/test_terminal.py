"""On a terminal there are tables, colours and bars; elsewhere plain text alone."""

from __future__ import annotations

import io
import os
import select
import subprocess
import sys

import pytest

from banyan.server.cli.terminal import Row, Terminal, as_json

BANYAN = [sys.executable, "-m", "banyan.server.cli"]


class Tty(io.StringIO):
    """A terminal, as far as anybody can tell."""

    def isatty(self) -> bool:
        return True


def test_a_table_fits_a_terminal_of_eighty_columns_and_keeps_every_word(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Tty()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    rows = [Row(cells=("a__" + "very_long_name_" * 3, "word " * 30), style="red")]
    Terminal().table(("tool", "what it does"), rows)
    shown = screen.getvalue()
    assert "\x1b[" in shown
    plain = "".join(part.split("m", 1)[-1] for part in shown.split("\x1b["))
    assert max(len(line.rstrip()) for line in plain.splitlines()) <= 80
    assert plain.count("word") == 30


def test_elsewhere_a_table_is_whole_and_without_a_trace_of_colour(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().table(("a", "b"), [Row(cells=("x" * 60, "y\ny" * 60), style="red"), Row(cells=("x", ""))])
    out, _ = capsys.readouterr()
    assert "\x1b" not in out
    assert len(out.splitlines()) == 3
    assert "x" * 60 in out


def test_quiet_leaves_results_and_errors_alone(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(quiet=True)
    terminal.note("note")
    terminal.warn("warning")
    terminal.line("result")
    terminal.error("wrong")
    with terminal.progress("work") as update:
        update(1, 1)
    assert capsys.readouterr() == ("result\n", "error: wrong\n")


def test_what_orjson_cannot_write_is_written_all_the_same() -> None:
    assert as_json({"big": 2**70, "lone": "\ud800"}) == b'{"big": 1180591620717411303424, "lone": "\\ud800"}'


@pytest.mark.parametrize("hidden", ["\x1b[31m", "\x07", "\x9b", "\u202e", "\u200b", "\U000e0041", "\ud800"])
def test_what_steers_a_terminal_or_cannot_be_seen_is_taken_out(hidden: str, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    terminal.line(f"a{hidden}b\tc é 漢")
    terminal.table(("name",), [Row(cells=(f"a{hidden}b",))])
    terminal.warn(f"a{hidden}b")
    terminal.error(f"a{hidden}b")
    out, err = capsys.readouterr()
    assert "b\tc é 漢" in out
    assert hidden not in out + err
    assert (out + err).count("a\ufffd") == 4


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's here")
def test_a_real_terminal_gets_colours_and_a_question_without_echo() -> None:
    import pty
    import termios

    leader, follower = pty.openpty()
    words = [*BANYAN, "secret", "set", "HUB_TOKEN"]
    process = subprocess.Popen(words, stdin=follower, stdout=follower, stderr=follower, start_new_session=True)
    os.close(follower)
    try:
        # Before the terminal stops to show what is typed, what is typed is thrown away.
        while termios.tcgetattr(leader)[3] & termios.ECHO:
            assert process.poll() is None
            select.select([], [], [], 0.02)
        os.write(leader, b"tok-0123456789\n")
        shown = b""
        while b"is kept in" not in shown:
            shown += os.read(leader, 1000)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
    os.close(leader)
    assert b"Value of HUB_TOKEN" in shown
    assert b"tok-0123456789" not in shown
