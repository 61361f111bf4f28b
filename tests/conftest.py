"""What every test gets: asyncio through anyio, a home of its own, and no network but loopback."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

pytest_plugins = ["tests.databases"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.function):
            item.add_marker(pytest.mark.anyio)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test can touch the user's own folders: home, data and configuration all lie in the test's folder."""
    folder = tmp_path / "home"
    folder.mkdir()
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setenv("BANYAN_HOME", str(folder / "banyan"))
    monkeypatch.delenv("BANYAN_DATABASE_URL", raising=False)
    return folder
