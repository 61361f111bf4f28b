"""What every `VectorStore` does."""

from __future__ import annotations

from banyan.memory import Database


async def test_vectors_come_back_byte_for_byte_and_unknown_ones_are_left_out(stores: Database) -> None:
    await stores.vectors.save("small", {"a": bytes(range(256)), "b": b""})
    assert await stores.vectors.load("small", ["b", "x", "a"]) == {"a": bytes(range(256)), "b": b""}
    assert await stores.vectors.load("large", ["a"]) == {}
    assert await stores.vectors.load("small", []) == {}


async def test_a_known_vector_is_left_as_it_is(stores: Database) -> None:
    await stores.vectors.save("small", {"a": b"1"})
    await stores.vectors.save("small", {"a": b"2", "b": b"3"})
    await stores.vectors.save("small", {})
    assert await stores.vectors.load("small", ["a", "b"]) == {"a": b"1", "b": b"3"}


async def test_pruning_drops_what_is_not_kept_of_one_model(stores: Database) -> None:
    for model in ("small", "large"):
        await stores.vectors.save(model, {"a": b"1", "b": b"2", "c": b"3"})
    assert await stores.vectors.prune("small", ["b", "x"]) == 2
    assert await stores.vectors.load("small", ["a", "b", "c"]) == {"b": b"2"}
    assert len(await stores.vectors.load("large", ["a", "b", "c"])) == 3


async def test_many_vectors_are_loaded_and_pruned_at_once(stores: Database) -> None:
    many = {f"{number:05}": number.to_bytes(4, "big") for number in range(9_000)}
    await stores.vectors.save("small", many)
    wanted = list(many)[:-1]
    assert await stores.vectors.load("small", wanted) == {digest: many[digest] for digest in wanted}
    assert await stores.vectors.prune("small", wanted[:10]) == 8_990
