"""Every error that leaves this library.

BanyanError                    catch this at the edge of your program
├── UserError                  the caller can fix it; exit status 2
│   ├── SettingsError          a setting, or a settings file
│   ├── InvalidArgument        one argument of a Python, CLI or MCP call
│   ├── UnknownTool            no tool of this name; carries the nearest names
│   ├── UnknownSource          no source of this name
│   ├── UnknownHandle          no stored result under this handle
│   ├── UnknownApproval        no approval of this id, or it was decided already
│   ├── UnknownTree            no tree of this id
│   ├── UnknownTask            no task of this id or title; carries the nearest
│   ├── BadEdit                one edit of a batch cannot be made; carries its place
│   │   ├── CycleFound         it would make tasks wait for one another; carries the circle
│   │   └── FalsePremise       it says that something was so that was not; carries what was
│   ├── SecretMissing          a source refers to a secret that is not there
│   ├── BadFile                a file that was handed in; carries the line
│   └── DatabaseTooNew         the database was written by a newer Banyan
├── Conflict                   somebody wrote first; reload and decide again; exit status 6
│   ├── RevisionConflict       the tree has changed since the revision given; carries what changed
│   └── ClaimLost              the task is not, or no longer, held under this claim
└── Unavailable                something outside failed; exit status 7
    ├── DatabaseUnavailable    the database cannot be reached, is locked or damaged
    ├── StorageFull            the disk, or the database, has no room
    ├── ModelUnavailable       an encoder cannot be loaded or run
    └── SourceUnavailable      a tool server cannot be started, reached or listed

`CallFailed` is how a backend reports a failed call to the guarded call, which turns it into an
`Outcome`; it never leaves the library.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from banyan.core.call import Category
    from banyan.core.task import Event


SHOWN_CHARS = 200
"""Characters of a name that somebody gave which a message shows."""
SHOWN_NAMES = 10
"""Names that a message lists."""


class BanyanError(Exception):
    """Base of every error that this library raises on purpose."""

    code: ClassVar[str] = "internal"
    """Stable name of the error, for programs."""
    exit_status: ClassVar[int] = 1
    """What the command line exits with."""
    retryable: ClassVar[bool] = False
    """Whether the same request can succeed later without a change."""


class UserError(BanyanError):
    """The caller can fix it."""

    code = "user_error"
    exit_status = 2


class SettingsError(UserError):
    """A setting is unknown, malformed or out of range."""

    code = "settings"


class InvalidArgument(UserError):
    """An argument of a call into Banyan has a wrong value."""

    code = "invalid_argument"

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"`{name}`: {problem}")
        self.name = name


class UnknownTool(UserError):
    """No tool has this name."""

    code = "unknown_tool"

    def __init__(self, name: str, *, nearest: Sequence[str] = ()) -> None:
        hint = f"did you mean {', '.join(f'`{near}`' for near in nearest)}?" if nearest else "search with `banyan find`"
        super().__init__(f"no tool `{name}`; {hint}")
        self.name = name
        self.nearest = tuple(nearest)


class UnknownSource(UserError):
    """No source has this name."""

    code = "unknown_source"

    def __init__(self, name: str, *, known: Sequence[str] = ()) -> None:
        hint = f"there are {', '.join(f'`{one}`' for one in known)}" if known else "add one with `banyan add`"
        super().__init__(f"no source `{name}`; {hint}")
        self.name = name


class UnknownHandle(UserError):
    """No stored result has this handle."""

    code = "unknown_handle"

    def __init__(self, handle: str) -> None:
        super().__init__(f"no result `{handle}`; it may have passed its retention: call the tool again")
        self.handle = handle


class UnknownApproval(UserError):
    """No approval of this id waits for a decision."""

    code = "unknown_approval"

    def __init__(self, approval_id: str) -> None:
        super().__init__(f"no approval `{approval_id}` is waiting; list them with `banyan inbox`")
        self.approval_id = approval_id


class UnknownTree(UserError):
    """No tree has this id."""

    code = "unknown_tree"

    def __init__(self, tree: str, *, known: Sequence[str] = ()) -> None:
        hint = f"there are {', '.join(f'`{one}`' for one in known)}" if known else "list them with `banyan tasks`"
        super().__init__(f"no tree `{_cut(tree)}`; {hint}")
        self.tree = tree


class UnknownTask(UserError):
    """No task has this id, key or title, or more than one has this title."""

    code = "unknown_task"

    def __init__(self, name: str, *, nearest: Sequence[str] = (), several: Sequence[str] = ()) -> None:
        if several:
            listed = [*(f"`{one}`" for one in several[:SHOWN_NAMES]), *_more(several)]
            super().__init__(f"`{_cut(name)}` is the title of {', '.join(listed)}; give the id")
        else:
            hint = (
                f"did you mean {', '.join(f'`{one}`' for one in nearest)}?" if nearest else "give its id or its title"
            )
            super().__init__(f"no task `{_cut(name)}`; {hint}")
        self.name = name
        self.nearest = tuple(nearest)
        self.several = tuple(several)


class BadEdit(UserError):
    """One edit of a batch cannot be made, so none of them was."""

    code = "bad_edit"

    def __init__(self, problem: str, *, at: int | None = None) -> None:
        super().__init__(problem if at is None else f"edit {at}: {problem}")
        self.problem = problem
        self.at = at
        """Place of the edit in its batch, from 0."""


class CycleFound(BadEdit):
    """An edit would make tasks wait for one another in a circle."""

    code = "cycle"

    def __init__(self, circle: Sequence[str], *, at: int | None = None) -> None:
        half = SHOWN_NAMES // 2
        way = [*circle[:half], f"… {len(circle) - 2 * half} more …", *circle[-half:]]
        shown = way if len(circle) > 2 * half + 1 else circle
        super().__init__(f"these would wait for one another: {' → '.join(map(_cut, shown))}", at=at)
        self.circle = tuple(circle)


class FalsePremise(BadEdit):
    """An edit says that something was so that was not."""

    code = "false_premise"


class SecretMissing(UserError):
    """A source refers to a secret that none of the secret stores holds."""

    code = "secret_missing"

    def __init__(self, reference: str, *, source: str) -> None:
        super().__init__(f"source `{source}` needs the secret `{reference}`, which is not set; see `banyan doctor`")
        self.reference = reference
        self.source = source


class BadFile(UserError):
    """A file that was handed in cannot be read, or one of its lines is wrong."""

    code = "bad_file"

    def __init__(self, path: str, problem: str, *, line: int | None = None) -> None:
        where = f"`{path}`" if line is None else f"`{path}`, line {line}"
        super().__init__(f"{where}: {problem}")
        self.path = path
        self.line = line


class DatabaseTooNew(UserError):
    """The database was written by a newer Banyan than this one."""

    code = "database_too_new"

    def __init__(self, found: str, *, newest_known: str) -> None:
        super().__init__(
            f"the database has schema `{found}`, newer than this Banyan's `{newest_known}`; "
            "install a newer Banyan, or point `--database` elsewhere"
        )


class Conflict(BanyanError):
    """Somebody wrote first: reload, and decide again."""

    code = "conflict"
    exit_status = 6


class RevisionConflict(Conflict):
    """The tree has changed since the revision that a batch of edits was made against; nothing of it was done."""

    code = "revision_conflict"

    def __init__(self, tree: str, *, base: int, revision: int, since: Sequence[Event] = (), left_out: int = 0) -> None:
        super().__init__(
            f"tree `{tree}` is at revision {revision}, not {base}: look at what changed since, and edit against it"
        )
        self.tree = tree
        self.base = base
        self.revision = revision
        self.since = tuple(since)
        """What changed since, oldest first, up to a limit."""
        self.left_out = left_out
        """How many of the changes since are not in `since`."""


class ClaimLost(Conflict):
    """A task is not held, or no longer held, by whoever speaks for it."""

    code = "claim_lost"


class Unavailable(BanyanError):
    """Something outside this program failed; trying later can help."""

    code = "unavailable"
    exit_status = 7
    retryable = True


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached, is locked, read-only or damaged."""

    code = "database_unavailable"


class StorageFull(Unavailable):
    """The disk, or the database, has no room; nothing of the change was kept."""

    code = "storage_full"


class ModelUnavailable(Unavailable):
    """An encoder cannot be loaded or run."""

    code = "model_unavailable"


class SourceUnavailable(Unavailable):
    """A tool server cannot be started, reached or listed."""

    code = "source_unavailable"

    def __init__(self, source: str, problem: str, *, category: Category | None = None) -> None:
        super().__init__(f"source `{source}`: {problem}")
        self.source = source
        self.problem = problem
        self.category = category


class CallFailed(BanyanError):
    """A backend could not get a good answer out of a tool.

    `sent` tells whether the request may have reached the tool: if it did and the answer was lost,
    a tool that writes has an unknown effect, and is not tried again. `retry_after_s` are the seconds after
    which the tool itself asks to be called again.
    """

    code = "call_failed"
    exit_status = 5

    def __init__(
        self,
        category: Category,
        message: str,
        *,
        fix: str | None = None,
        sent: bool,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.category = category
        self.message = message
        self.fix = fix
        self.sent = sent
        self.retry_after_s = retry_after_s


def _cut(name: str) -> str:
    return name if len(name) <= SHOWN_CHARS else f"{name[: SHOWN_CHARS - 1]}…"


def _more(names: Sequence[str]) -> list[str]:
    return [f"and {len(names) - SHOWN_NAMES} more"] if len(names) > SHOWN_NAMES else []
