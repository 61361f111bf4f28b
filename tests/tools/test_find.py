"""Finding tools, on a scripted index."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from banyan.core.errors import InvalidArgument
from banyan.core.find import Filters, Hit, Search
from banyan.core.tool import EffectKind
from banyan.tools.find import Finder, FindLimits
from tests.tools.room import Room, schema, spec


class ScriptedIndex:
    """A `SearchIndex` with one answer."""

    def __init__(self, hits: Sequence[Hit], *, embedded: int = 10, total: int = 10) -> None:
        self.answer = Search(hits=tuple(hits), embedded=embedded, total=total)
        self.asked: list[tuple[str, int, Filters]] = []

    async def search(self, query: str, *, k: int, filters: Filters) -> Search:
        self.asked.append((query, k, filters))
        return self.answer

    async def refresh(self) -> bool:
        return False


async def finder(room: Room, *hits: Hit, limits: FindLimits | None = None, **counts: int) -> Finder:
    for name in ("read", "write", "list"):
        await room.offer(spec(name, input_schema=schema(["path"], path="string"), title=name.title()), "text")
    return Finder(room.database.tools, ScriptedIndex(hits, **counts), limits)


async def test_what_is_found_can_be_called_as_it_is_shown(room: Room) -> None:
    hits = [Hit(key="files__write", confidence=0.9), Hit(key="files__read", confidence=0.4)]
    answer = await (await finder(room, *hits)).find("  save a file ", k=2)
    assert [one.name for one in answer.results] == ["files__write", "files__read"]
    assert answer.results[0].signature == "files__write(path: string)"
    assert (answer.query, answer.fits, answer.note) == ("save a file", True, "")


async def test_a_best_guess_below_the_threshold_does_not_fit_and_says_so(room: Room) -> None:
    answer = await (await finder(room, Hit(key="files__write", confidence=0.3))).find("fly to the moon")
    assert not answer.fits
    assert "nothing fits" in answer.note
    assert len(answer.results) == 1


async def test_an_exact_name_fits_whatever_its_confidence(room: Room) -> None:
    hit = Hit(key="files__write", confidence=0.1, exact=True)
    assert (await (await finder(room, hit)).find("write")).fits


async def test_tools_that_went_since_they_were_indexed_are_left_out(room: Room) -> None:
    found = await finder(room, *[Hit(key=f"files__{name}", confidence=0.9) for name in ("read", "gone", "list")])
    await room.offer(spec("read", fault="broken"), "text")
    assert [one.name for one in (await found.find("x", k=5)).results] == ["files__list"]


async def test_an_empty_catalogue_says_how_to_fill_it(room: Room) -> None:
    answer = await Finder(room.database.tools, ScriptedIndex([], embedded=0, total=0)).find("anything")
    assert (answer.fits, answer.results) == (False, ())
    assert "banyan add" in answer.note


async def test_vectors_still_missing_are_told(room: Room) -> None:
    found = await finder(room, Hit(key="files__read", confidence=0.9), embedded=38_000, total=50_000)
    assert "12,000 of 50,000" in (await found.find("x")).note


async def test_filters_that_leave_nothing_are_told(room: Room) -> None:
    answer = await (await finder(room)).find("x", filters=Filters(effects=frozenset({EffectKind.DESTRUCTIVE})))
    assert "filters" in answer.note


@pytest.mark.parametrize(("query", "k"), [("", 5), ("  \n", 5), ("x" * 5_000, 5), ("x", 0), ("x", 51)])
async def test_a_query_or_count_out_of_range_is_refused(room: Room, query: str, k: int) -> None:
    with pytest.raises(InvalidArgument):
        await (await finder(room)).find(query, k=k)


async def test_an_unknown_server_is_refused_with_the_nearest(room: Room) -> None:
    found = await finder(room)
    assert "filters" in (await found.find("x", filters=Filters(servers=frozenset({"FILES"})))).note
    with pytest.raises(InvalidArgument, match="did you mean `files`"):
        await found.find("x", filters=Filters(servers=frozenset({"fils"})))


async def test_the_scores_are_given_when_asked_for(room: Room) -> None:
    found = await finder(room, Hit(key="files__read", confidence=0.9, lexical=3.14159, cosine=0.5))
    assert (await found.find("x")).results[0].why == {}
    assert (await found.find("x", explain=True)).results[0].why == {"lexical": 3.1416, "cosine": 0.5, "exact": False}


async def test_many_candidates_have_shorter_signatures(room: Room) -> None:
    for at in range(50):
        properties = {f"property_{n}": "string" for n in range(60)}
        await room.offer(spec(f"t{at}", input_schema=schema(**properties)), "text")
    hits = [Hit(key=f"files__t{at}", confidence=0.9) for at in range(50)]
    answer = await Finder(room.database.tools, ScriptedIndex(hits)).find("x", k=50)
    assert len(answer.results) == 50
    assert sum(len(one.signature) for one in answer.results) <= FindLimits().answer_chars
