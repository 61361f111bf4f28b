"""Tools are found in other words, filtered, explained and described."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Cli


def test_a_tool_is_found_by_what_it_does(shelf: Cli) -> None:
    done = shelf("find", "which books are on the shelf", "--json")
    answer = done.json
    assert list(answer) == ["query", "fits", "note", "took_ms", "results"]
    assert answer["results"][0]["name"] == "shelf__list_books"
    assert (done.status, done.err) == (0 if answer["fits"] else 3, "")


def test_an_exact_name_is_found_and_shown_to_people_in_two_lines(shelf: Cli) -> None:
    done = shelf("find", "shelf__burn_book", "-k", "1")
    assert done.status == 0
    first, second = done.out.splitlines()
    assert first.split()[0] == "shelf__burn_book"
    assert first.endswith("destroys")
    assert second == "    shelf__burn_book(title: string) -> string" or "title" in second
    assert "Next: banyan describe shelf__burn_book" in done.err


def test_nothing_that_fits_exits_with_three_and_shows_the_nearest(shelf: Cli) -> None:
    done = shelf("find", "qwzx vbnm 9137")
    assert done.status == 3
    assert done.out.splitlines()[0].startswith("nothing fits")
    assert sum(not line.startswith(" ") for line in done.out.splitlines()) <= 4


def test_what_to_type_next_is_of_the_home_that_was_given(shelf: Cli, tmp_path: Path) -> None:
    home = tmp_path / "an other home"
    shelf("--home", str(home), "add", "python", "shelf")
    done = shelf("find", "shelf__burn_book", "-k", "1", "--home", str(home))
    assert f"Next: banyan --home '{home}' describe shelf__burn_book" in done.err


def test_filters_narrow_the_search(shelf: Cli) -> None:
    found = shelf("find", "book", "-k", "9", "--effects", "destructive", "--server", "shelf", "--json").json
    assert [one["name"] for one in found["results"]] == ["shelf__burn_book"]
    assert shelf("find", "book", "--tag", "no-such-tag", "--json").json["results"] == []


def test_the_scores_behind_a_confidence_are_shown_when_asked(shelf: Cli) -> None:
    (found,) = shelf("find", "burn a book", "-k", "1", "--explain", "--json").json["results"]
    assert found["why"]["lexical"] > 0
    assert "lexical" in shelf("find", "burn a book", "-k", "1", "--explain").out


@pytest.mark.parametrize(
    ("words", "argument"),
    [
        (["book", "--effects", "reads"], "effects"),
        (["book", "-k", "0"], "k"),
        (["book", "--server", "shelv"], "server"),
        ([" "], "query"),
    ],
)
def test_a_wrong_search_is_refused(shelf: Cli, words: list[str], argument: str) -> None:
    done = shelf("find", *words, "--json")
    assert (done.status, done.json["error"]["code"]) == (2, "invalid_argument")
    assert f"`{argument}`" in done.json["error"]["message"]


def test_tools_are_described_for_people_and_programs(shelf: Cli) -> None:
    told = shelf("describe", "shelf__list_books", "shelf__burn_book", "--json").json["tools"]
    assert [one["name"] for one in told] == ["shelf__list_books", "shelf__burn_book"]
    assert told[0]["input_schema"]["properties"]["limit"]["type"] == "integer"
    shown = shelf("describe", "shelf__list_books").out
    assert "List the books on the shelf" in shown
    assert '"limit"' in shown
    part = shelf("describe", "shelf__list_books", "--path", "/input_schema/properties/limit", "--json").json["tools"]
    assert part[0]["schema"]["type"] == "integer"


def test_an_unknown_tool_is_named_with_the_nearest(shelf: Cli) -> None:
    done = shelf("describe", "shelf__list_book", "--json")
    assert (done.status, done.json["error"]["code"]) == (2, "unknown_tool")
    assert done.json["error"]["nearest"][0] == "shelf__list_books"


def test_text_of_a_tool_cannot_steer_the_terminal(shelf: Cli, tmp_path: Path) -> None:
    text = 'from banyan import tool\n\n\n@tool\ndef evil() -> int:\n    """Wipe \\x1b[2J \\u202ethe screen."""\n'
    (tmp_path / "project" / "evil.py").write_text(text, encoding="utf-8")
    assert shelf("add", "python", "evil").status == 0
    shown = shelf("describe", "evil__evil")
    assert "\x1b" not in shown.out + shown.err
    assert "\u202e" not in shown.out + shown.err
