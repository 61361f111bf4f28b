"""The prompt of a task, from what its tree knows: a pure function of a source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from banyan.core.context import LEAST_BUDGET_TOKENS, LEFT_OUT_SHOWN, Context, Part
from banyan.core.errors import InvalidArgument
from banyan.core.ports import TokenCounter
from banyan.core.task import task_id
from banyan.memory.context.gather import Material, gather
from banyan.memory.context.item import Item, Ladder, Step
from banyan.memory.context.tokens import count_tokens
from banyan.memory.graph.source import GraphSource
from banyan.memory.graph.view import View

BUDGET_TOKENS = 4_000
"""Tokens of a context where nobody says otherwise."""
MOST_BUDGET_TOKENS = 1_000_000
OWN_TOKENS = (100, 2_000)
"""The least and the most that is kept for the task itself, whatever comes before it."""
OWN_SHARE = 4
"""Between them it is this part of the budget."""
FACTS_PER_RESULT = 4
"""Facts that are taken for each result while neither has been told whole."""
FIRST_FORMS = 2
"""Forms of a result that come in its turn: its name, and a look at it."""


def context(
    source: GraphSource,
    number: int,
    *,
    budget_tokens: int = BUDGET_TOKENS,
    counter: TokenCounter = count_tokens,
    lessons: Sequence[str] = (),
) -> Context:
    """Return the prompt of a task: where it belongs, what holds, results that it goes by, lessons, then the task.

    Args:
        source: the tree.
        number: the task.
        budget_tokens: tokens of the text at most, 50 to 1,000,000.
        counter: says how many tokens a text is.
        lessons: what was learned from similar work, the most important first.

    Raises:
        InvalidArgument: the budget is out of its range, or too small for this counter.
    """
    if not LEAST_BUDGET_TOKENS <= budget_tokens <= MOST_BUDGET_TOKENS:
        wanted = f"{LEAST_BUDGET_TOKENS} to {MOST_BUDGET_TOKENS:,}"
        raise InvalidArgument("budget_tokens", f"{budget_tokens:,} should be from {wanted}")
    view = View(source)
    material = gather(view, number, lessons)
    room = budget_tokens
    while room > 0:
        before, own = _fit(material, room, counter)
        text = before.text() + own.text()
        tokens = counter(text)
        if tokens <= budget_tokens and own.chosen:
            left_out, count = _left_out(material, before, own)
            return Context(
                task=task_id(view.tree.id, number),
                text=text,
                tokens=tokens,
                budget_tokens=budget_tokens,
                included=_merged([_part(one, ladder) for ladder in (before, own) for one in ladder.in_order()]),
                left_out=left_out,
                left_out_count=count,
            )
        # A counter that takes more for the whole than for its parts.
        room -= max(1, tokens - budget_tokens)
    raise InvalidArgument("budget_tokens", f"{budget_tokens} tokens are too few to name the task")


def _fit(material: Material, budget_tokens: int, counter: TokenCounter) -> tuple[Ladder, Ladder]:
    """Return what fits before the task, and of the task itself.

    What comes before has the budget less a share that is the task's own, whatever the task says: so it stays the same
    when only the task changes. The task has what is left of the budget, but no more than it will have when the next
    thing fits before it: so a larger budget never takes from it.
    """
    before = Ladder(counter, budget_tokens - own_tokens(budget_tokens))
    before.climb(_before(material))
    room = budget_tokens - before.tokens
    if before.next_tokens is not None:
        room = min(room, own_tokens(_budget_for(before.next_tokens)))
    own = Ladder(counter, room)
    own.climb(_own(material.task))
    return before, own


def own_tokens(budget_tokens: int) -> int:
    """Return how much of a budget is the task's own."""
    least, most = OWN_TOKENS
    return min(budget_tokens, max(least, min(most, budget_tokens // OWN_SHARE)))


def _budget_for(tokens: int) -> int:
    """Return the smallest budget that has `tokens` for what comes before the task."""
    budget = tokens
    while (missing := tokens - (budget - own_tokens(budget))) > 0:
        budget += missing
    return budget


def _before(material: Material) -> Iterator[Step]:
    """Yield what comes before the task, what matters most first: everything shortly before anything at length."""
    yield from ((item, 0) for item in material.path)
    yield from ((item, 1) for item in material.path[:1] if len(item.lengths) > 1)
    facts = iter(material.facts)
    for item in material.results:
        yield from ((item, form) for form in range(min(FIRST_FORMS, len(item.lengths))))
        yield from ((fact, 0) for fact in islice(facts, FACTS_PER_RESULT))
    yield from ((fact, 0) for fact in facts)
    yield from ((item, 0) for item in material.lessons)
    yield from _longer([*material.path, *material.results, *material.facts, *material.lessons])


def _own(items: Sequence[Item]) -> Iterator[Step]:
    title, *rest = items
    yield from ((title, form) for form in range(min(FIRST_FORMS + 1, len(title.lengths))))
    yield from ((item, 0) for item in rest)
    yield from _longer(items)


def _longer(items: Sequence[Item]) -> Iterator[Step]:
    """Yield the longer forms: the second of each item, then the third of each, and so on."""
    for form in range(1, max((len(item.lengths) for item in items), default=0)):
        yield from ((item, form) for item in items if form < len(item.lengths))


def _part(item: Item, ladder: Ladder) -> Part:
    return Part(kind=item.kind, id=item.id, tokens=ladder.costs[item])


def _left_out(material: Material, before: Ladder, own: Ladder) -> tuple[list[Part], int]:
    chosen = before.chosen | own.chosen
    costs = before.costs | own.costs
    items = [*material.task, *material.path, *material.results, *material.facts, *material.lessons]
    short = [item for item in items if item not in chosen or not item.is_whole_in(chosen[item])]
    shown = [
        Part(kind=item.kind, id=item.id, tokens=max(1, _whole_tokens(item, before.counter) - costs.get(item, 0)))
        for item in short[:LEFT_OUT_SHOWN]
    ]
    return _merged(shown), len({(item.kind, item.id) for item in short})


def _whole_tokens(item: Item, counter: TokenCounter) -> int:
    """Return how many tokens an item takes in full; of what is longer than its longest form, about how many."""
    longest = item.lengths[-1]
    return counter(item.write(longest)) * max(item.size, longest or 1) // (longest or 1)


def _merged(parts: Sequence[Part]) -> list[Part]:
    """Return the parts, those of one kind and id as one."""
    tokens: dict[tuple[str, str], int] = {}
    for part in parts:
        tokens[part.kind, part.id] = tokens.get((part.kind, part.id), 0) + part.tokens
    return [Part(kind=kind, id=one, tokens=count) for (kind, one), count in tokens.items()]
