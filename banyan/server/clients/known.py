"""The assistants that Banyan knows: where each keeps its tool servers, and in what shape."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from banyan.core.errors import InvalidArgument


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The folders that configuration paths start from."""

    home: Path
    config: Path
    """`$XDG_CONFIG_HOME`, `~/Library/Application Support` or `%APPDATA%`."""
    project: Path
    system: str
    """As `sys.platform`."""

    @classmethod
    def here(cls) -> Places:
        """Return those of this user on this machine, with the current folder as the project."""
        from platformdirs import user_config_path

        return cls(
            home=Path.home(),
            config=user_config_path(roaming=True),
            project=Path.cwd(),
            system=sys.platform,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One assistant. Paths are templates over `{home}`, `{config}` and `{project}`."""

    key: str
    """What it is called on the command line."""
    title: str
    paths: tuple[str, ...]
    """Where the user's file may be; the first that exists counts, else the first is made."""
    project_path: str | None = None
    windows_path: str | None = None
    section: str = "mcpServers"
    """The member that maps names to servers."""
    toml: bool = False
    marks: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """What an entry must hold beside `command` and `args`."""
    url_is_sse: bool = False
    """A bare `url` means the older SSE transport."""
    after_install: str = "Restart it to see Banyan's tools."

    def path(self, places: Places) -> Path:
        """Return the user's file: the one that exists, or the one to make."""
        if self.windows_path is not None and places.system == "win32":
            return _filled(self.windows_path, places)
        found = [_filled(path, places) for path in self.paths]
        return next((path for path in found if path.exists()), found[0])

    def files(self, places: Places) -> list[Path]:
        """Return the files that exist: the project's first, since it knows best."""
        named = [self.path(places)]
        if self.project_path is not None:
            named.insert(0, _filled(self.project_path, places))
        return [path for path in named if path.is_file()]


def _filled(template: str, places: Places) -> Path:
    return Path(template.format(home=places.home, config=places.config, project=places.project))


_STDIO: Mapping[str, Any] = MappingProxyType({"type": "stdio"})

# Paths and shapes as each vendor documents them, read in November 2026.
CLIENTS: tuple[Client, ...] = (
    Client(
        key="claude-desktop",
        title="Claude Desktop",
        paths=("{config}/Claude/claude_desktop_config.json",),
        after_install="Quit it completely and start it again to see Banyan's tools.",
    ),
    Client(
        key="claude-code",
        title="Claude Code",
        paths=("{home}/.claude.json",),
        project_path="{project}/.mcp.json",
        marks=_STDIO,
        after_install="Start a new session to see Banyan's tools; `/mcp` lists it.",
    ),
    Client(
        key="cursor",
        title="Cursor",
        paths=("{home}/.cursor/mcp.json",),
        project_path="{project}/.cursor/mcp.json",
    ),
    Client(
        key="vscode",
        title="VS Code",
        paths=("{config}/Code/User/mcp.json",),
        project_path="{project}/.vscode/mcp.json",
        section="servers",
        marks=_STDIO,
        after_install="Run `MCP: List Servers` there and start Banyan.",
    ),
    Client(
        key="windsurf",
        title="Windsurf",
        # Newer builds moved the file; whichever exists is the one in use.
        paths=("{home}/.codeium/windsurf/mcp_config.json", "{home}/.codeium/mcp_config.json"),
    ),
    Client(
        key="gemini",
        title="Gemini CLI",
        paths=("{home}/.gemini/settings.json",),
        project_path="{project}/.gemini/settings.json",
        url_is_sse=True,
        after_install="Start a new session to see Banyan's tools; `/mcp` lists it.",
    ),
    Client(
        key="codex",
        title="Codex",
        paths=("{home}/.codex/config.toml",),
        project_path="{project}/.codex/config.toml",
        section="mcp_servers",
        toml=True,
        after_install="Start a new session to see Banyan's tools.",
    ),
    Client(
        key="zed",
        title="Zed",
        paths=("{home}/.config/zed/settings.json",),
        project_path="{project}/.zed/settings.json",
        windows_path="{config}/Zed/settings.json",
        section="context_servers",
        after_install="Zed takes it up by itself; the agent panel's settings show it.",
    ),
)


def client(key: str) -> Client:
    """Return the assistant called `key` on the command line.  Raises `InvalidArgument`."""
    wanted = key.casefold().replace("_", "-").replace(" ", "-")
    for one in CLIENTS:
        if wanted in {one.key, one.title.casefold().replace(" ", "-")}:
            return one
    raise InvalidArgument("client", f"`{key}` is none that Banyan knows: {', '.join(one.key for one in CLIENTS)}")
