"""Settings: one frozen tree, read once, from `settings.toml` in the home folder and three environment variables."""

from __future__ import annotations

import errno
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from banyan.core.errors import SettingsError, StorageFull
from banyan.core.policy import Action
from banyan.core.tool import EffectKind

SETTINGS_FILE = "settings.toml"

_KIB, _MIB, _GIB = 2**10, 2**20, 2**30


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RetrievalSettings(_Part):
    """How tools are found."""

    encoder: str = Field(
        default="default",
        description="`default` is the model that ships with Banyan; anything else names a sentence-transformers model",
    )
    device: str | None = Field(default=None, description="where a sentence-transformers model runs, as `cuda` or `cpu`")
    threads: int = Field(default=2, ge=1, le=64, description="processor threads of the encoder")
    fits_at: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="confidence from which the best tool counts as fitting; calibrated if unset",
    )


class CallSettings(_Part):
    """How tools are called."""

    timeout_s: float = Field(default=120, gt=0, le=86_400, description="seconds that one call may take")
    result_cap_bytes: int = Field(default=8 * _MIB, ge=1024, description="bytes kept of one result")
    preview_chars: int = Field(default=2_000, ge=100, le=100_000, description="characters of a result shown at once")
    approval_expires_s: float = Field(default=86_400, gt=0, description="seconds that an approval waits or holds")


class ResultSettings(_Part):
    """How long calls and their results are kept."""

    keep_days: float = Field(default=30, gt=0, description="days that a result, and the record of its call, is kept")
    keep_bytes: int = Field(default=1 * _GIB, ge=_MIB, description="bytes of results kept in all; the oldest go first")


class SessionSettings(_Part):
    """How tool servers are run."""

    start_timeout_s: float = Field(
        default=60, gt=0, le=3600, description="seconds that a server may take to start; a first `npx` downloads"
    )
    idle_stop_s: float = Field(default=300, gt=0, description="seconds without a call after which a server is stopped")
    message_cap_bytes: int = Field(default=8 * _MIB, ge=64 * _KIB, description="bytes of one message from a server")


class ServeSettings(_Part):
    """How Banyan answers as an MCP server."""

    answer_chars: int = Field(default=8_000, ge=1_000, le=1_000_000, description="characters of one answer to a model")
    max_body_bytes: int = Field(default=4 * _MIB, ge=_KIB, description="bytes of one HTTP request body")
    read_timeout_s: float = Field(default=10, gt=0, description="seconds for the head, then the body, of a request")


class TaskSettings(_Part):
    """How tasks are held by those who work on them."""

    lease_s: float = Field(
        default=600,
        ge=1,
        le=86_400,
        description="seconds for which an assistant holds a task that it claimed, from the last time it spoke of it",
    )


class RuleSettings(_Part):
    """One rule of a policy; the first that matches decides."""

    action: Action = Field(description="`allow`, `warn`, `offer`, `ask` or `deny`")
    source: str = Field(default="*", description="glob over source names")
    tool: str = Field(default="*", description="glob over tool names")
    effects: frozenset[EffectKind] = Field(
        default=frozenset(), description="`read_only`, `writes`, `destructive`; empty means all"
    )


class PolicySettings(_Part):
    """What may be called without asking: rules on top of the defaults of each surface."""

    mcp: tuple[RuleSettings, ...] = Field(default=(), description="rules for calls by assistants over MCP")
    direct: tuple[RuleSettings, ...] = Field(default=(), description="rules for the command line and Python")


class Settings(_Part):
    """All settings of one Banyan."""

    home: Path = Field(description="folder of the database, the index and the logs")
    database: str = Field(description="SQLAlchemy URL: SQLite or PostgreSQL")
    log: Literal["debug", "info", "warning", "error"] = Field(default="warning", description="least level logged")
    retrieval: RetrievalSettings = RetrievalSettings()
    calls: CallSettings = CallSettings()
    results: ResultSettings = ResultSettings()
    sessions: SessionSettings = SessionSettings()
    serve: ServeSettings = ServeSettings()
    tasks: TaskSettings = TaskSettings()
    policy: PolicySettings = PolicySettings()


def load(home: Path | str | None = None, database: str | None = None) -> Settings:
    """Return the settings for a home folder.

    What is passed here counts before the environment (`BANYAN_HOME`, `BANYAN_DATABASE_URL`, `BANYAN_LOG`), and
    that before `settings.toml`.

    Raises:
        SettingsError: the file cannot be read, or a setting is unknown, malformed or out of range.
    """
    folder = Path(home or os.environ.get("BANYAN_HOME") or _default_home()).expanduser().absolute()
    found = _read(folder / SETTINGS_FILE)
    found["home"] = folder
    if url := database or os.environ.get("BANYAN_DATABASE_URL"):
        found["database"] = url
    found.setdefault("database", f"sqlite:///{folder / 'banyan.db'}")
    if level := os.environ.get("BANYAN_LOG"):
        found["log"] = level.lower()
    try:
        return Settings.model_validate(found)
    except ValidationError as error:
        raise SettingsError(_sentence(error, folder / SETTINGS_FILE)) from None


def make_home(home: Path) -> None:
    """Make the home folder, for its owner alone; one that is there is left as it is.

    Raises:
        SettingsError: it cannot be made.
        StorageFull: there is no room for it.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull(f"no room to make the home folder `{home}`") from error
        raise SettingsError(
            f"the home folder `{home}` cannot be made: {error.strerror}; choose another with `--home` or BANYAN_HOME"
        ) from error


def environment() -> Mapping[str, str]:
    """Return this process's environment; a tool server is given the part of it that every program needs."""
    return MappingProxyType(os.environ)


def _default_home() -> Path:
    # Imported here: most starts are told their home.
    from platformdirs import user_data_path

    return user_data_path("banyan", appauthor=False)


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"`{file}` is not TOML: {error}") from error
    except OSError as error:
        raise SettingsError(f"`{file}` cannot be read: {error.strerror}") from error


def _sentence(error: ValidationError, file: Path) -> str:
    """Name every setting that is wrong; values are left out, since the database URL may hold a password."""
    problems = "; ".join(f"`{'.'.join(str(part) for part in one['loc'])}`: {one['msg']}" for one in error.errors())
    return f"settings ({file} and BANYAN_* variables): {problems}"
