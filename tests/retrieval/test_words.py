from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.retrieval.words import MAX_WORD, identifier, spoken, stem, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("listOpenIssues", ["list", "open", "issu"]),
        ("list_open_issues", ["list", "open", "issu"]),
        ("getHTTPResponseCode", ["get", "http", "respons", "code"]),
        ("GitHub", ["git", "hub", "github"]),
        ("S3", ["s3"]),
        ("OAuth2", ["auth", "oauth2"]),
        ("Zürich café", ["zurich", "cafe"]),
        ("天気予報", ["天気", "気予", "予報"]),
        ("東", ["東"]),
        ("привет Ёлка", ["привет", "елка"]),
        ("GET /users/{userId}", ["get", "user", "user", "id", "userid"]),
        ("the of and", []),
        ("", []),
    ],
)
def test_text_falls_into_the_words_that_people_search_for(text: str, found: list[str]) -> None:
    assert words(text) == found


@pytest.mark.parametrize(
    "forms",
    [
        ("issue", "issues"),
        ("query", "queries"),
        ("create", "creates", "created", "creating"),
        ("stop", "stops", "stopped", "stopping"),
        ("send", "sends", "sending"),
        ("box", "boxes"),
        ("address", "addresses"),
    ],
)
def test_inflections_of_a_word_are_one_word(forms: tuple[str, ...]) -> None:
    assert len({stem(form) for form in forms}) == 1


@pytest.mark.parametrize("word", ["string", "bring", "status", "analysis", "class", "bus", "red", "thing"])
def test_words_that_only_look_inflected_stay_as_they_are(word: str) -> None:
    assert stem(word) == word


@given(st.text(max_size=200))
def test_any_text_has_words_without_spaces_or_capitals_of_bounded_length(text: str) -> None:
    for word in words(text):
        assert word
        assert word == word.lower() or not word.isascii()
        assert not any(letter.isspace() for letter in word)
        assert len(word) <= 2 * MAX_WORD


@given(st.lists(st.text(alphabet="abcdefgh", min_size=2, max_size=8), min_size=1, max_size=5))
def test_a_name_has_the_same_words_in_snake_kebab_and_spaces(parts: list[str]) -> None:
    assert words("_".join(parts)) == words("-".join(parts)) == words(" ".join(parts))


@given(st.lists(st.text(alphabet="abcdefgh", min_size=2, max_size=8), min_size=1, max_size=5))
def test_an_identifier_is_the_same_in_every_way_of_writing_it(parts: list[str]) -> None:
    camel = parts[0] + "".join(part.capitalize() for part in parts[1:])
    assert identifier(camel) == identifier("_".join(parts)) == identifier(" ".join(parts).upper())


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz", max_size=20))
def test_stems_are_never_longer_than_their_words_nor_empty(word: str) -> None:
    assert len(stem(word)) <= len(word)
    assert bool(stem(word)) == bool(word)


def test_identifiers_are_spoken_as_words() -> None:
    assert spoken("aws.s3 PutBucketACL_v2") == "aws s 3 put bucket acl v 2"
