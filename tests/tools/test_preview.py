"""What adding a source would bring."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from banyan.core.ids import SourceName
from banyan.core.source import Listing, Need, Source, SourceKind
from banyan.testing.backend import ScriptedBackend
from banyan.tools.preview import preview_of
from tests.tools.room import DELETES, spec

SOURCE = Source(name=SourceName("cloud"), kind=SourceKind.MCP)


class Needy(ScriptedBackend):
    async def listings(self) -> AsyncIterator[Listing]:
        yield Listing(tools=(spec("Get", "s3"), spec("Delete", "s3", effects=DELETES)), servers=frozenset({"s3"}))
        broken = spec("Send", "sqs", fault="it cannot be called")
        yield Listing(tools=(broken,), servers=frozenset({"sqs"}), notes=("a note",))

    async def needs(self) -> Sequence[Need]:
        return [Need(what="no region", fix="set one")]


async def test_parts_are_counted_and_what_is_missing_is_said() -> None:
    found = await preview_of(SOURCE, Needy())
    assert found.to_json() == {
        "source": "cloud",
        "tools": 3,
        "servers": {"s3": 2, "sqs": 1},
        "effects": {"read_only": 2, "destructive": 1},
        "quarantined": [{"name": "sqs.Send", "reason": "it cannot be called"}],
        "quarantined_count": 1,
        "needs": [{"what": "no region", "fix": "set one"}],
        "notes": ["a note"],
    }


async def test_a_source_in_one_piece_is_counted_too() -> None:
    found = await preview_of(SOURCE, ScriptedBackend([spec("read"), spec("list")]))
    assert (found.tools, found.needs, found.quarantined) == (2, (), ())
