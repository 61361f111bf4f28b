"""The services that the first run calls: on this machine, and for as long as it runs."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from story.stage import ROOT

ORDERS = ROOT / "examples" / "orders"
DOCUMENT = ORDERS / "openapi.yaml"
START_S = 60.0

SHOP_KEY, AWS_KEY, AWS_SECRET = "DEMO_SHOP_KEY", "DEMO_AWS_KEY", "DEMO_AWS_SECRET"
SECRETS = {SHOP_KEY: "key-of-the-first-run", AWS_KEY: "AKIAFIRSTRUN", AWS_SECRET: "secret-of-the-first-run"}
"""Secrets of services that nobody else can reach, by the names under which the sources refer to them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Where the services are."""

    orders: str
    aws: str | None
    """What stands in for AWS; None where moto is not installed."""


@contextmanager
def running() -> Iterator[Services]:
    """Start the services, and yield once they accept connections; they end with the block."""
    with ExitStack() as stack:
        orders, aws = _free_port(), _free_port()
        environment = {**os.environ, "SHOP_KEY": SECRETS[SHOP_KEY]}
        stack.enter_context(_started([str(ORDERS / "service.py"), str(orders)], environment))
        if with_aws := importlib.util.find_spec("moto") is not None:
            stack.enter_context(_started(["-m", "moto.server", "-H", "127.0.0.1", "-p", str(aws)], dict(os.environ)))
        for port in (orders, aws) if with_aws else (orders,):
            _wait_for(port)
        url = f"http://127.0.0.1:{aws}"
        yield Services(orders=f"http://127.0.0.1:{orders}", aws=url if with_aws else None)


def keep_secrets(home: Path) -> None:
    """Keep the services' secrets in Banyan's home, as `banyan secret set` does."""
    # In a file there, and not in the keyring of whoever tries this.
    environment = {**os.environ, "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
    for name, value in SECRETS.items():
        command = [sys.executable, "-m", "banyan.server.cli", "--home", str(home), "secret", "set", name]
        subprocess.run(command, input=value, text=True, env=environment, check=True, capture_output=True)


@contextmanager
def _started(arguments: list[str], environment: dict[str, str]) -> Iterator[None]:
    command = [sys.executable, *arguments]
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def relative(path: Path) -> str:
    """Return `path` as one would type it here."""
    return os.path.relpath(path, Path.cwd())
