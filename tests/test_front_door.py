"""The public names, and what importing them costs: nothing."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import banyan

HEAVY = ("torch", "langgraph", "sqlalchemy", "mcp", "onnxruntime", "numpy", "alembic", "pydantic", "typer", "rich")


def test_the_front_door_has_these_names() -> None:
    assert banyan.__all__ == ["Banyan", "BanyanError", "FindAnswer", "Outcome", "Settings", "Tool", "open", "tool"]
    assert dir(banyan) == sorted(banyan.__all__)


@pytest.mark.parametrize("name", banyan.__all__)
def test_every_name_of_the_front_door_is_there_and_documented(name: str) -> None:
    assert getattr(banyan, name).__doc__


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError):
        banyan.nothing_of_this_name  # noqa: B018  (the attribute access is what is tested)


def test_importing_banyan_loads_no_library() -> None:
    program = "import banyan, json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=20)
    loaded = set(json.loads(done.stdout))
    assert "banyan" in loaded
    assert loaded.isdisjoint(HEAVY)
    assert [name for name in loaded if name.startswith("banyan.")] == []


def test_the_errors_can_be_had_without_any_library() -> None:
    program = "import banyan, json, sys; banyan.BanyanError; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=20)
    assert set(json.loads(done.stdout)).isdisjoint(HEAVY)
