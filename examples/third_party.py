"""Real tool servers by other people, each in an environment of its own, for the first run and the tests.

Every one is pinned, runs locally and needs no account. Those from PyPI need nothing but Python; those from npm need
Node.js. What was installed once is used again as long as its pins stay the same.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from filelock import FileLock

INSTALL_TIMEOUT_S = 300.0
_UNREACHABLE = re.compile(
    r"dns error|resolve|unreachable|timed? ?out|connection|connect error|ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN",
    re.IGNORECASE,
)


class CannotInstall(Exception):
    """A server could not be installed; `unreachable` tells whether for want of a network or of Node.js."""

    def __init__(self, name: str, problem: str, *, unreachable: bool) -> None:
        super().__init__(f"`{name}` could not be installed: {problem}")
        self.unreachable = unreachable


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How one server is installed and which program it brings."""

    program: str
    python: tuple[str, ...] = ()
    """Pinned requirements from PyPI."""
    node: tuple[str, ...] = ()
    """Pinned packages from npm."""


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "time": Recipe(program="mcp-server-time", python=("mcp-server-time==2026.10.19",)),
        "git": Recipe(program="mcp-server-git", python=("mcp-server-git==2026.10.19",)),
        # Its last release speaks to the first generation of the MCP SDK, and does not start with the second.
        "sqlite": Recipe(program="mcp-server-sqlite", python=("mcp-server-sqlite==2025.4.25", "mcp==1.30.0")),
        # Offers any stdio server over streamable HTTP; likewise of the first generation.
        "proxy": Recipe(program="mcp-proxy", python=("mcp-proxy==0.13.0", "mcp==1.30.0")),
        "fastmcp": Recipe(program="fastmcp", python=("fastmcp==4.1.2",)),
        "memory": Recipe(program="mcp-server-memory", node=("@modelcontextprotocol/server-memory@2026.8.31",)),
        "files": Recipe(program="mcp-server-filesystem", node=("@modelcontextprotocol/server-filesystem@2026.8.31",)),
        "everything": Recipe(
            program="mcp-server-everything", node=("@modelcontextprotocol/server-everything@2026.8.31",)
        ),
    }
)


def install(name: str, folder: Path) -> Path:
    """Return the path of the program of server `name`, installed under `folder` if it is not there yet.

    Raises:
        CannotInstall: the registry cannot be reached, or Node.js is missing, or the installation failed.
    """
    recipe = RECIPES[name]
    place, pins = folder.absolute() / name, "\n".join([*recipe.python, *recipe.node])
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f".{name}.lock"):  # two processes would else install over each other
        stamp = place / "installed.txt"
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != pins:
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
            _install_python(name, recipe, place) if recipe.python else _install_node(name, recipe, place)
            stamp.write_text(pins, encoding="utf-8")
    return _program(place, recipe)


def python_of(name: str, folder: Path) -> Path:
    """Return the Python interpreter of a server from PyPI that is installed under `folder`."""
    return _scripts(folder.absolute() / name) / ("python.exe" if sys.platform == "win32" else "python")


def _program(place: Path, recipe: Recipe) -> Path:
    if recipe.python:
        return _scripts(place) / (f"{recipe.program}.exe" if sys.platform == "win32" else recipe.program)
    return place / "node_modules" / ".bin" / (f"{recipe.program}.cmd" if sys.platform == "win32" else recipe.program)


def _scripts(place: Path) -> Path:
    return place / ("Scripts" if sys.platform == "win32" else "bin")


def _install_python(name: str, recipe: Recipe, place: Path) -> None:
    beside = Path(sys.executable).parent / "uv"
    uv = str(beside) if beside.exists() else shutil.which("uv")
    python = str(_scripts(place) / "python")
    if uv:
        _run(name, [uv, "venv", "--quiet", "--python", sys.executable, "--allow-existing", str(place)])
        _run(name, [uv, "pip", "install", "--quiet", "--python", python, *recipe.python])
    else:
        _run(name, [sys.executable, "-m", "venv", str(place)])
        _run(name, [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *recipe.python])


def _install_node(name: str, recipe: Recipe, place: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise CannotInstall(name, "it needs Node.js with npm, which is not here", unreachable=True)
    (place / "package.json").write_text(json.dumps({"private": True}), encoding="utf-8")
    _run(name, [npm, "install", "--no-fund", "--no-audit", "--loglevel=error", "--prefix", str(place), *recipe.node])


def _run(name: str, command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise CannotInstall(name, f"nothing after {INSTALL_TIMEOUT_S:.0f} seconds", unreachable=True) from None
    if done.returncode != 0:
        problem = (done.stderr.strip() or done.stdout.strip() or f"exit status {done.returncode}")[-1_000:]
        raise CannotInstall(name, problem, unreachable=bool(_UNREACHABLE.search(problem)))
