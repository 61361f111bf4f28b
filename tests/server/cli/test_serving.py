"""Banyan serves over HTTP by the command line: on this machine alone, or with a token."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import httpx
import pytest

from .conftest import Cli

BANYAN = [sys.executable, "-m", "banyan.server.cli"]
HELLO = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
TOKEN = "tok-0123456789-never-shown"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's here")
def test_the_address_is_told_a_token_is_required_and_a_signal_ends_it(cli: Cli) -> None:
    assert cli("secret", "set", "BANYAN_HTTP_TOKEN", stdin=TOKEN.encode()).status == 0
    words = [*BANYAN, "serve", "--http", "--port", "0", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        assert url.startswith("http://127.0.0.1:")
        accept = {"Accept": "application/json, text/event-stream"}
        refused = httpx.post(url, json=HELLO, headers=accept)
        known = httpx.post(url, json=HELLO, headers=accept | {"Authorization": f"Bearer {TOKEN}"})
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    assert (refused.status_code, process.returncode, out) == (401, 0, b"")
    assert known.status_code != 401
    assert TOKEN.encode() not in err


def test_no_other_machine_is_served_without_a_token(cli: Cli) -> None:
    done = cli("serve", "--http", "--host", "0.0.0.0", "--port", "0", "--json")
    assert (done.status, done.json["error"]["code"]) == (2, "invalid_argument")
    assert "token" in done.json["error"]["message"]
