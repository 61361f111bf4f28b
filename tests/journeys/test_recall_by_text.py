"""A tree is asked by text, and prompts are made of it, as a program does with the model that ships."""

from __future__ import annotations

from pathlib import Path

import banyan


async def test_what_was_done_is_found_by_its_meaning_and_goes_into_the_prompt_of_what_follows(home: Path) -> None:
    async with banyan.open(home) as b:
        made = await b.tasks.apply(
            None,
            [
                {"op": "add", "ref": "@trip", "title": "Plan a trip", "facts": {"destination": "Lisbon"}},
                {"op": "add", "ref": "@stay", "parent": "@trip", "title": "Find a hotel",
                 "instruction": "By the water."},
                {"op": "add", "ref": "@book", "parent": "@trip", "title": "Reserve the room",
                 "inputs": {"hotel": {"$from": "@stay", "path": "/name"}, "city": {"$fact": "destination"}}},
                {"op": "complete", "task": "@stay", "output": {"name": "Casa do Rio", "price": 120}},
            ],
        )  # fmt: skip
        tree = str(made.tree)
        stay, book = (f"{tree}.{made.refs[ref]}" for ref in ("@stay", "@book"))

        matches = (await b.tasks.recall(tree, text="accommodation near the river")).matches
        nothing = (await b.tasks.recall(tree, text="zebra quantum physics")).matches
        prompt = await b.tasks.context(book, 500)

    assert matches is not None
    assert (matches[0].kind, matches[0].id) == ("task", stay)
    assert nothing == []
    assert "- input hotel = Casa do Rio" in prompt.text
    assert "- input city = Lisbon" in prompt.text
    assert {(part.kind, part.id) for part in prompt.included} >= {("task", book), ("result", stay)}
    assert prompt.tokens <= 500


async def test_the_index_of_a_tree_is_there_for_the_next_program(home: Path) -> None:
    async with banyan.open(home) as b:
        tree = str((await b.tasks.apply(None, [{"op": "add", "title": "Repair the lighthouse"}])).tree)
        before = (await b.tasks.recall(tree, text="lighthouse")).matches
    async with banyan.open(home) as b:
        after = (await b.tasks.recall(tree, text="lighthouse")).matches

    assert before == after
    assert [path.parent.name for path in (home / "index").rglob("trees/*/index.bin")] == [tree]
