"""The page of settings says what the settings are."""

from __future__ import annotations

from scripts.settings_page import PAGE, page


def test_the_page_of_settings_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python scripts/settings_page.py`"
