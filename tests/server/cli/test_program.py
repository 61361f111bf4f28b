"""The program as a whole: its verbs, its options before and after them, its failures and exit statuses."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from banyan import __version__
from banyan.core.errors import BanyanError, Conflict, InvalidArgument, SourceUnavailable, UnknownTool
from banyan.server.cli.command import verb
from banyan.server.cli.program import VERBS
from banyan.server.cli.shell import Shell
from banyan.server.inside import parts_of

from .conftest import Cli

ENDLESS = """
import sys
import anyio

async def work() -> None:
    print("under way", file=sys.stderr, flush=True)
    await anyio.sleep_forever()
"""

BANYAN = [sys.executable, "-m", "banyan.server.cli"]


def test_the_version_is_told_to_people_and_programs(cli: Cli) -> None:
    assert cli("--version").out == f"banyan {__version__}\n"
    assert cli("--json", "--version").json == cli("--version", "--json").json == {"version": __version__}


def test_every_verb_is_where_the_table_says_and_has_help(cli: Cli) -> None:
    for name, module in VERBS.items():
        assert name in typer.main.get_group(import_module(f"banyan.server.cli.{module}").app).commands
        shown = cli(name, "--help")
        assert shown.status == 0
        assert f"banyan {name}" in shown.out
        assert "─" not in shown.out
    everything = cli("--help").out
    assert all(f"  {name} " in everything for name in VERBS)


def test_without_a_verb_there_is_help_and_nothing_is_wrong(cli: Cli) -> None:
    bare = cli()
    assert (bare.status, bare.err) == (0, "")
    assert bare.out.count("Usage:") == 1
    assert "find" in bare.out
    assert cli("--json").json["error"]["code"] == "usage"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fnd", "x"], "Did you mean 'find'?"),
        (["find"], "Missing argument"),
        (["find", "x", "--nope"], "No such option"),
        (["find", "x", "-k", "many"], "-k"),
        (["serve", "--port", "99999"], "--port"),
        (["add", "mcp"], "Missing argument"),
    ],
)
def test_misuse_exits_with_two_and_says_so_in_either_form(cli: Cli, words: list[str], message: str) -> None:
    plain = cli(*words)
    assert (plain.status, plain.out) == (2, "")
    assert message in plain.err
    told = cli(*words, "--json")
    assert (told.status, told.err) == (2, "")
    assert told.json["error"]["code"] == "usage"
    assert message in told.json["error"]["message"]


def test_no_words_at_all_show_the_help(cli: Cli) -> None:
    shown = cli()
    assert "find" in shown.out + shown.err


def test_global_options_count_before_and_after_the_verb(cli: Cli, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert cli("--home", str(one), "--json", "servers").json == {"servers": []}
    assert cli("servers", "--json", "--home", str(two)).json == {"servers": []}
    assert cli("--json", "secret", "--home", str(one), "list", "--quiet").json == {"secrets": []}
    cli("--home", str(one), "secret", "--json", "--home", str(two), "set", "A", stdin=b"value")
    assert (two / "secrets.json").exists()
    assert not (one / "secrets.json").exists()


ERRORS = [
    (InvalidArgument("k", "is wrong"), 2),
    (UnknownTool("x", nearest=["y"]), 2),
    (Conflict("somebody was faster"), 6),
    (SourceUnavailable("x", "does not start"), 7),
    (BanyanError("odd"), 1),
]


def failing(error: BaseException) -> typer.Typer:
    app = typer.Typer(add_completion=False)

    def work(shell: Shell) -> None:
        raise error

    app.command("work")(verb(work))
    return app


def call_verb(app: typer.Typer, *words: str) -> Any:
    return typer.main.get_command(app).main(args=list(words), prog_name="banyan", standalone_mode=False)


@pytest.mark.parametrize(("error", "status"), ERRORS, ids=lambda one: type(one).__name__)
def test_every_kind_of_error_has_its_exit_status_and_one_json_form(
    error: BanyanError, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call_verb(failing(error)) == status
    assert capsys.readouterr() == ("", f"error: {error}\n")
    assert call_verb(failing(error), "--json") == status
    out, err = capsys.readouterr()
    assert err == ""
    assert f'"code":"{error.code}"' in out
    assert out.count("\n") == 1


def test_a_bug_is_one_line_that_says_where_its_trace_is(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call_verb(failing(ZeroDivisionError("oh"))) == 1
    out, err = capsys.readouterr()
    log = home / "banyan" / "logs" / "banyan.log"
    assert (out, err) == ("", f"error: this is a bug in Banyan (ZeroDivisionError); the trace is in {log}\n")
    assert "ZeroDivisionError: oh" in log.read_text("utf-8")
    assert call_verb(failing(ZeroDivisionError("oh")), "--json") == 1
    assert '"code":"internal"' in capsys.readouterr().out


def test_those_who_debug_see_the_trace(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("BANYAN_LOG", "debug")
    assert call_verb(failing(ZeroDivisionError("oh"))) == 1
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupted_command_exits_with_130(capsys: pytest.CaptureFixture[str]) -> None:
    assert call_verb(failing(KeyboardInterrupt())) == 130
    assert capsys.readouterr() == ("", "")


def test_wrong_settings_and_a_wrong_database_are_told_in_a_line(cli: Cli, home: Path, tmp_path: Path) -> None:
    assert cli("servers", "--database", "postgresql://me:hunter2@127.0.0.1:1/x").status == 7
    told = cli("servers", "--database", "nonsense", "--json")
    assert (told.status, told.json["error"]["code"]) == (2, "settings")
    (home / "banyan").mkdir(exist_ok=True)
    (home / "banyan" / "settings.toml").write_text("[calls]\ntimeout = 3\n", encoding="utf-8")
    wrong = cli("servers")
    assert (wrong.status, wrong.out) == (2, "")
    assert "calls.timeout" in wrong.err
    assert "hunter2" not in wrong.err


def test_a_reader_that_goes_away_ends_the_program_quietly() -> None:
    words = [*BANYAN, "eval", "retrieval", "--help"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdout = None
        _, err = process.communicate(timeout=20)
    assert b"Traceback" not in err
    assert b"BrokenPipe" not in err


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's here")
def test_an_interrupt_ends_a_call_that_is_under_way(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "endless.py").write_text(ENDLESS, encoding="utf-8")
    assert cli("add", "python", "endless:work").status == 0
    words = [*BANYAN, "call", "endless__work"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        while b"under way" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, b"")
    assert b"Traceback" not in err


HEAVY = ("mcp", "alembic", "onnxruntime", "sqlalchemy", "rich", "keyring", "anyio", "numpy")


def loaded_by(*words: str) -> tuple[int, set[str]]:
    program = (
        "import sys; from banyan.server.cli.program import run; "
        f"status = run({list(words)}); print(status, *(one for one in {HEAVY} if one in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    status, *loaded = done.stdout.splitlines()[-1].split()
    return int(status), set(loaded)


def test_help_and_version_load_nothing_heavy_and_a_search_no_more_than_it_needs(cli: Cli) -> None:
    assert loaded_by("--version") == loaded_by("find", "--help") == (0, set())
    assert cli("servers").status == 0  # makes the database
    assert loaded_by("find", "anything") == (3, {"sqlalchemy", "anyio", "numpy"})


@pytest.mark.parametrize(
    "words", [["servers"], ["find", "x"], ["serve"], ["doctor"], ["calls"]], ids=lambda one: one[0]
)
def test_a_home_that_cannot_be_made_is_told_in_a_line(cli: Cli, tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere" / "at" / "all")
    done = cli("--home", str(tmp_path / "dangling"), *words, "--json")
    assert (done.status, done.json["error"]["code"]) == (2, "settings")
    assert "cannot be made" in done.json["error"]["message"]


def logging_verb(name: str, *, secret: str) -> typer.Typer:
    app = typer.Typer(add_completion=False)

    async def work(shell: Shell) -> None:
        async with shell.banyan() as b:
            parts_of(b).secrets.get(secret)
            value = os.environ[secret]
            logging.getLogger(name).error("posted to https://api.example/?key=%s", value)
            logging.getLogger(name).error("failed", exc_info=RuntimeError(f"refused {value}"))
            raise SourceUnavailable("shop", f"it says: wrong key {value}")

    app.command("work")(verb(work))
    return app


@pytest.mark.parametrize("level", ["debug", "warning"])
def test_no_secret_is_in_a_log_or_in_what_is_printed_whoever_logs_it(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], level: str
) -> None:
    monkeypatch.setenv("BANYAN_LOG", level)
    monkeypatch.setenv("SHOP_KEY", "canary-of-the-shop")
    for words in ((), ("--json",)):
        assert call_verb(logging_verb("mcp.client", secret="SHOP_KEY"), *words) == 7
    log = (home / "banyan" / "logs" / "banyan.log").read_text("utf-8")
    shown = capsys.readouterr()
    assert "key=[secret]" in log
    assert "refused [secret]" in log
    assert "wrong key [secret]" in shown.out
    assert "canary" not in log + shown.out + shown.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device here that is always full")
def test_a_log_that_cannot_be_written_changes_neither_the_status_nor_what_is_printed(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHOP_KEY", "canary-of-the-shop")
    (home / "banyan" / "logs").mkdir(parents=True)
    (home / "banyan" / "logs" / "banyan.log").symlink_to("/dev/full")
    assert call_verb(logging_verb("shop", secret="SHOP_KEY"), "--json") == 7
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    assert "canary" not in shown.out + shown.err


def test_doctor_sees_a_disk_without_room(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cli("doctor", "--json").status == 0
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=2**20))
    done = cli("doctor", "--json")
    assert done.status == 7
    assert [one["fix"] for one in done.json["checks"] if one["about"] == "home"] == ["free some disk space"]


@pytest.mark.parametrize("name", ["httpx2", "httpx", "mcp.client.streamable_http", "client", "httpcore2.http11"])
def test_libraries_that_log_every_request_are_quiet_even_for_those_who_debug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.setenv("BANYAN_LOG", "debug")
    app = typer.Typer(add_completion=False)

    def work(shell: Shell) -> None:
        _ = shell.settings
        logging.getLogger(name).debug("a whole body")
        logging.getLogger(name).info("a URL")
        logging.getLogger("banyan.tools").debug("of ours")

    app.command("work")(verb(work))
    level_before = logging.getLogger(name).level
    assert call_verb(app) == 0
    shown = capsys.readouterr().err
    assert "of ours" in shown
    assert "a whole body" not in shown
    assert "a URL" not in shown
    assert logging.getLogger(name).level == level_before
