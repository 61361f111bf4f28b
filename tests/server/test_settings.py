"""Settings come from arguments, then the environment, then the file; a mistake is a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.core.errors import SettingsError
from banyan.core.policy import Action
from banyan.core.tool import EffectKind
from banyan.server.settings import Settings, load


def write(home: Path, text: str) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    (home / "settings.toml").write_text(text, encoding="utf-8")
    return home


def test_without_a_file_the_defaults_hold_and_the_database_lies_in_the_home(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings.database == f"sqlite:///{tmp_path / 'banyan.db'}"
    assert settings.calls.timeout_s == 120
    assert not (tmp_path / "settings.toml").exists()


def test_the_environment_names_the_home_and_an_argument_goes_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BANYAN_HOME", str(tmp_path / "from-environment"))
    assert load().home == tmp_path / "from-environment"
    assert load(tmp_path / "from-argument").home == tmp_path / "from-argument"


def test_the_database_of_an_argument_goes_before_the_environment_and_that_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = write(tmp_path / "home", 'database = "sqlite:////file.db"')
    assert load(home).database == "sqlite:////file.db"
    monkeypatch.setenv("BANYAN_DATABASE_URL", "sqlite:////environment.db")
    assert load(home).database == "sqlite:////environment.db"
    assert load(home, "sqlite:////argument.db").database == "sqlite:////argument.db"


def test_rules_of_a_policy_keep_their_order(tmp_path: Path) -> None:
    text = """
        [[policy.mcp]]
        action = "allow"
        tool = "files__read_*"
        [[policy.mcp]]
        action = "deny"
        source = "files"
        effects = ["writes", "destructive"]
    """
    first, second = load(write(tmp_path, text)).policy.mcp
    assert (first.action, first.tool, first.effects) == (Action.ALLOW, "files__read_*", frozenset())
    assert (second.action, second.source) == (Action.DENY, "files")
    assert second.effects == {EffectKind.WRITES, EffectKind.DESTRUCTIVE}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[calls]\ntimeout_s = 0", "calls.timeout_s"),
        ("[calls]\ntimout_s = 5", "calls.timout_s"),
        ("[retrieval]\nthreads = 'many'", "retrieval.threads"),
        ('[[policy.mcp]]\naction = "perhaps"', "policy.mcp.0.action"),
        ("colour = 1", "colour"),
    ],
)
def test_a_wrong_setting_is_named_with_its_place(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(write(tmp_path, text))
    assert f"`{named}`" in str(caught.value)
    assert "settings.toml" in str(caught.value)


def test_a_file_that_is_not_toml_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(write(tmp_path, "[calls"))
    assert str(tmp_path / "settings.toml") in str(caught.value)


def test_a_password_in_the_database_url_is_not_shown_by_an_error_about_something_else(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(write(tmp_path, "[calls]\ntimeout_s = -1"), "postgresql://me:hunter2@127.0.0.1/db")
    assert "hunter2" not in str(caught.value)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_time_limit_is_positive_and_bounded_or_refused(
    tmp_path_factory: pytest.TempPathFactory, value: float
) -> None:
    home = tmp_path_factory.mktemp("home")
    given_text = {float("inf"): "inf", float("-inf"): "-inf"}.get(value, "nan" if value != value else repr(value))
    if "e" in given_text and "." not in given_text:
        given_text = given_text.replace("e", ".0e")
    try:
        settings: Settings = load(write(home, f"[calls]\ntimeout_s = {given_text}"))
    except SettingsError:
        assert not 0 < value <= 86_400
    else:
        assert 0 < settings.calls.timeout_s <= 86_400
