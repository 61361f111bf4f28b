"""Answers to a model: a text and the same as JSON, together within a limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from banyan.core.call import Category, Outcome, OutcomeKind, Page
from banyan.core.errors import BanyanError
from banyan.server.mcp.fit import compact, fit, fit_text, most
from banyan.server.sanitise import sanitise, sanitise_json

if TYPE_CHECKING:
    from banyan.core.find import FindAnswer
    from banyan.tools.describe import Description


_CUTS_SHOWN = 3
"""Paths of cuts that an answer names: enough to see the pattern."""


_LONG = frozenset(
    {"description", "signature", "tags", "examples", "combines_with", "input_schema", "output_schema", "schema"}
)
"""Fields of a description that are cut where it is too long; what remains is short."""

_LEAST_PART = 64
"""Characters of those that are shown at least: enough for their marks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a tool of this server answers: the same thing twice, since some clients show one and some the other."""

    text: str
    data: dict[str, Any]
    failed: bool = False

    @property
    def size_chars(self) -> int:
        """Characters of both."""
        return len(self.text) + len(compact(self.data))


def found(answer: FindAnswer, limit: int) -> Answer:
    """Return the answer of a search; results that do not fit are left out from the end, and counted."""
    data: dict[str, Any] = sanitise_json(answer.to_json())
    data["query"] = fit_text(data["query"], limit // 16)
    data["note"] = fit_text(data["note"], limit // 8)
    results = data["results"]

    def shown(count: int) -> Answer:
        part = data | {"results": results[:count]}
        if count < len(results):
            part["left_out"] = len(results) - count
        return Answer(text=_found_text(part), data=part)

    count = most(len(results), lambda n: shown(n).size_chars, limit)
    if count or not results:
        return shown(count)
    results[0] |= {key: fit_text(results[0][key], limit // 8) for key in ("title", "signature")}
    results[0].pop("why", None)
    return shown(1)


def _found_text(data: dict[str, Any]) -> str:
    results = data["results"]
    lines = [data["note"]] if data["note"] else []
    if not data["fits"]:
        lines.insert(0, "Nothing fits this well." if results else "Nothing fits.")
    for number, one in enumerate(results, 1):
        title = f" · {one['title']}" if one["title"] else ""
        lines.append(f"{number}. {one['name']} · {one['confidence']:.2f} · {_effects(one['effects'])}{title}")
        lines.append(f"   {one['signature']}")
    if left_out := data.get("left_out"):
        lines.append(f"{left_out} more left out: narrow by `server` or `effects`, or ask for a smaller `k`.")
    return "\n".join(lines)


def _effects(effects: dict[str, Any]) -> str:
    kind = "read-only" if effects["read_only"] else "destructive" if effects["destructive"] else "writes"
    return f"{kind}, guessed" if effects["guessed"] else kind


def described(descriptions: Sequence[Description], limit: int) -> Answer:
    """Return descriptions of tools, each cut to an equal share; the answer says by which `path` to ask on.

    Where even the shortest form of all is too long, tools are left out from the end, and named.
    """
    whole: list[dict[str, Any]] = [sanitise_json(one.to_json()) for one in descriptions]
    short = [{key: one[key] for key in one if key not in _LONG} for one in whole]
    cuts: list[str] = []
    # Once to the most that a share can be, so that looking for the share that fits handles nothing larger.
    share = max(_LEAST_PART, limit // 2 // max(1, len(whole)))
    long = [fit({key: one[key] for key in one if key in _LONG}, share, cuts=cuts) for one in whole]

    def shown(count: int, budget: int) -> Answer:
        now = list(cuts)
        parts = [fit(part, max(budget, _LEAST_PART), cuts=now) for part in long[:count]]
        tools = [head | part for head, part in zip(short, parts, strict=False)]
        return _tools(tools, now, [one["name"] for one in short[count:]])

    count = max(1, most(len(whole), lambda n: shown(n, 0).size_chars, limit))
    return shown(count, most(share, lambda budget: shown(count, budget).size_chars, limit))


def _tools(tools: list[dict[str, Any]], cuts: list[str], left_out: list[str]) -> Answer:
    data: dict[str, Any] = {"tools": tools}
    texts = [_described_text(one) for one in tools]
    if cuts:
        data["cut"] = sorted(set(cuts), key=len)[:_CUTS_SHOWN]
        texts.append(f"[cut to fit; whole with one name and `path`, such as {', '.join(data['cut'])}]")
    if left_out:
        data["left_out"] = left_out
        texts.append(f"[left out to fit; ask again for {', '.join(left_out)}]")
    return Answer(text="\n\n".join(texts), data=data)


def _described_text(tool: dict[str, Any]) -> str:
    """Say what a caller needs: the digest and the dates stand in the JSON alone."""
    if "schema" in tool:
        return f"{tool['name']} {tool['path']}: {_plain(tool['schema'])}"
    about = [tool["name"], tool["title"], f"of {tool['server']}", _effects(tool["effects"])]
    if tool["state"] != "active":
        about.append(f"{tool['state']}, cannot be called: {tool['state_reason'] or 'no reason known'}")
    lines = [" · ".join(str(one) for one in about if one), str(tool.get("description", ""))]
    told = ("tags", "examples", "combines_with", "input_schema", "output_schema")
    lines += [f"{key.replace('_', ' ')}: {_plain(tool[key])}" for key in told if tool.get(key)]
    return "\n".join(line for line in lines if line)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else compact(value)


def called(outcome: Outcome, limit: int) -> Answer:
    """Return what came of a call; the preview is cut to what fits, and the answer says how to read on."""
    data: dict[str, Any] = sanitise_json(outcome.to_json())
    for key, share in (("message", 10), ("fix", 8), ("rule", 20)):
        if isinstance(data.get(key), str):
            data[key] = fit_text(data[key], limit // share)
    if "notes" in data:
        data["notes"] = fit(data["notes"], limit // 10)
    preview: str = data["preview"]

    def shown(count: int) -> Answer:
        part = data | {"preview": preview[:count], "truncated": outcome.truncated or count < len(preview)}
        return Answer(text=_called_text(part), data=part, failed=outcome.outcome is not OutcomeKind.OK)

    return shown(most(min(len(preview), limit), lambda n: shown(n).size_chars, limit))


def _called_text(data: dict[str, Any]) -> str:
    lines = [] if data["outcome"] == "ok" else [_failure_text(data)]
    lines += [f"note: {note}" for note in data.get("notes", ())]
    if data.get("rule") and data["outcome"] != "ok":
        lines.append(f"rule: {data['rule']}")
    if data["preview"]:
        lines.append(data["preview"])
    if data["truncated"]:
        lines.append(
            f"[only the start of {data['size_bytes']} bytes of {data['media_type']}; "
            f'the rest: read_result with handle "{data["handle"]}"]'
        )
    elif data["handle"]:
        lines.append(f"[handle {data['handle']}]")
    return "\n".join(lines) or "ok"


def _failure_text(data: dict[str, Any]) -> str:
    head = data["outcome"]
    if data.get("category"):
        head += f" ({data['category']})"
    if data.get("approval_id"):
        head += f", approval_id {data['approval_id']}"
    parts = [head, *(str(data[key]) for key in ("message", "fix") if data.get(key))]
    return "\n".join((": ".join(parts[:2]), *parts[2:]))


def paged(page: Page, limit: int) -> Answer:
    """Return a slice of a result, shortened to what fits; `next_offset` then names where it goes on."""
    count = _length(page)

    def shown(kept: int) -> Answer:
        part = page if kept == count else _shortened(page, kept)
        data: dict[str, Any] = sanitise_json(part.to_json())
        return Answer(text=_page_text(data), data=data)

    if shown(count).size_chars <= limit:
        return shown(count)
    kept = most(count, lambda n: shown(n).size_chars, limit)
    return shown(kept) if kept else _one_large_item(page, limit)


def _length(page: Page) -> int:
    """Count what a page can be shortened by: characters, items, or groups of three bytes."""
    if page.unit == "bytes":
        return -(-len(page.content) // 4)
    return len(page.content) if isinstance(page.content, str | list | dict) else 0


def _shortened(page: Page, kept: int) -> Page:
    content: Any
    if page.unit == "bytes":
        return replace(page, content=page.content[: kept * 4], limit=kept * 3)
    content = dict(list(page.content.items())[:kept]) if isinstance(page.content, dict) else page.content[:kept]
    return replace(page, content=content, limit=kept)


def _one_large_item(page: Page, limit: int) -> Answer:
    """Show one item that is larger than an answer, with its parts cut and the paths into them."""
    part = replace(page, content=fit(page.content, limit // 3, path=page.path), limit=max(1, min(page.limit, 1)))
    data: dict[str, Any] = sanitise_json(part.to_json())
    return Answer(text=_page_text(data), data=data)


def _page_text(data: dict[str, Any]) -> str:
    after = data["next_offset"]
    where = f"{data['unit']} {data['offset']} to {data['offset'] + data['limit'] if after else data['total']}"
    more = f"; more: offset {after}" if after is not None else "; the end"
    return f"{_plain(data['content'])}\n[{where} of {data['total']}{more}]"


def failure(error: BanyanError, limit: int) -> Answer:
    """Return a typed failure of Banyan itself."""
    category = _CATEGORIES.get(error.code, error.code)
    fix = "Try again later." if error.retryable else _FIXES.get(error.code)
    return refusal(category, str(error), fix=fix, limit=limit)


def refusal(category: str, message: str, *, fix: str | None = None, limit: int = 8_000) -> Answer:
    """Return a failure found before any tool was called."""
    data = {"outcome": "failed", "category": category, "message": fit_text(sanitise(message), limit // 4)}
    if fix:
        data["fix"] = fit_text(sanitise(fix), limit // 8)
    return Answer(text=_failure_text(data), data=data, failed=True)


_CATEGORIES = {
    "invalid_argument": Category.BAD_VALUE.value,
    "unknown_tool": Category.UNKNOWN_TOOL.value,
    "unknown_handle": Category.NOT_FOUND.value,
    "unknown_source": Category.NOT_FOUND.value,
    "source_unavailable": Category.TRANSPORT.value,
}
"""Categories of the errors that have one; of others, the code serves."""

_FIXES = {
    "unknown_tree": "next_tasks without a tree lists those that are open; edit_tasks without one starts another.",
    "unknown_task": "get_task with the id of the tree lists its tasks.",
    "bad_edit": "Nothing of the batch was done: send it again, mended.",
    "cycle": "Nothing of the batch was done: leave out one of these dependencies.",
    "false_premise": "Nothing was changed. Tell the user what holds, and ask; recall has how it came about.",
    "claim_lost": "Somebody else may hold it now: look at it with get_task, and claim it again before you go on.",
    "conflict": "Look at it with get_task, then decide again.",
}
"""What to do about errors of the task memory, by code."""
