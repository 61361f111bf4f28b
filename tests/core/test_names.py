"""Wire names, for whatever servers call their tools."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from banyan.core.names import MAX_NAME, wire_name

WIRE = re.compile(r"[A-Za-z0-9_-]{3,48}")
NAMES = st.text(max_size=80) | st.text(alphabet="abcAB_-. /é日", max_size=60)


@given(NAMES, NAMES, st.lists(st.tuples(NAMES, NAMES), max_size=5))
def test_every_name_is_short_plain_and_not_taken(server: str, upstream: str, others: list[tuple[str, str]]) -> None:
    taken = {wire_name(*pair, ()).casefold() for pair in others}
    name = wire_name(server, upstream, taken)
    assert WIRE.fullmatch(name)
    assert len(name) <= MAX_NAME
    assert name.casefold() not in taken


@given(NAMES, NAMES)
def test_the_same_pair_has_the_same_name_every_time(server: str, upstream: str) -> None:
    assert wire_name(server, upstream, ()) == wire_name(server, upstream, ())


@given(st.lists(st.tuples(NAMES, NAMES), unique=True, max_size=12))
def test_names_given_one_after_another_are_unique_without_regard_to_case(pairs: list[tuple[str, str]]) -> None:
    taken: set[str] = set()
    for server, upstream in pairs:
        taken.add(wire_name(server, upstream, taken).casefold())
    assert len(taken) == len(pairs)


@given(
    st.from_regex(r"[a-z][a-z0-9]{0,15}", fullmatch=True),
    st.from_regex(r"[a-z][a-z0-9_]{0,20}[a-z0-9]", fullmatch=True),
)
def test_a_plain_short_pair_is_its_own_name(server: str, upstream: str) -> None:
    assert wire_name(server, upstream, ()) == f"{server}__{upstream}"


def test_names_that_lost_letters_to_the_alphabet_stay_apart_whatever_comes_first() -> None:
    lost = ("日", "本", "é", "e日", "")
    assert len({wire_name("s", name, ()) for name in lost}) == len(lost)


def test_a_case_fold_never_takes_over_a_name() -> None:
    first = wire_name("files", "read", ())
    second = wire_name("Files", "READ", {first.casefold()})
    assert first.casefold() != second.casefold()


def test_a_name_too_long_keeps_its_last_words_which_say_what_is_done() -> None:
    name = wire_name("aiplatform", "reasoningEngines.sandboxEnvironments.operations.wait", ())
    assert name.startswith("aiplatform__reasoningEng")
    assert "_operations_wait_" in name
    assert len(name) <= MAX_NAME
