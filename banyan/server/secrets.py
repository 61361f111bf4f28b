"""Secrets: from the environment, the system's keyring, or a file that only its owner can read."""

from __future__ import annotations

import base64
import json
import logging
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus

from banyan.core.errors import InvalidArgument
from banyan.core.template import expand
from banyan.server.secretfile import SecretFile

logger = logging.getLogger(__name__)

SERVICE = "banyan"
"""What the keyring's own window calls our entries."""

MARK = "[secret]"
"""What stands where a secret was."""

REDACT_FROM_CHARS = 4
"""A shorter value is in half of all words: hiding it would hide the text."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,199}")

_PLAIN_NAME = re.compile(
    "HOME|USER|LOGNAME|USERNAME|USERPROFILE|APPDATA|LOCALAPPDATA|PATH|PWD|SHELL|TERM|LANG|LC_ALL|TZ|TMPDIR|TEMP|TMP"
    "|HOSTNAME|DISPLAY|EDITOR"
)
"""Variables that configurations refer to and that are in every path and log: hiding them hides no secret."""

T = TypeVar("T")


class SecretStores:
    """Finds a secret in the environment, else in the keyring, else in the file; keeps one in keyring or file.

    Implements the `Secrets` port. Calls may block for the keyring, at most `keyring_timeout_s`: a desktop asks its
    owner to unlock it, and where nobody answers it counts as absent from then on. Safe in several threads.
    """

    def __init__(self, home: Path, *, environ: Mapping[str, str] | None = None, keyring_timeout_s: float = 10) -> None:
        self._environ = os.environ if environ is None else environ
        self._file = SecretFile(home / "secrets.json")
        self._keyring = _Keyring(f"{SERVICE}:{home}", keyring_timeout_s)
        self._seen: set[str] = set()
        self._forms: tuple[str, ...] = ()
        # Invariant: `_forms` holds every form of every value in `_seen`; sessions read secrets in several threads.
        self._remembering = threading.Lock()

    def get(self, name: str) -> str | None:
        """Return the secret called `name`, None where there is none.

        Raises:
            SettingsError: the file is damaged, or others can read it.
        """
        value, _ = self._find(name)
        return value

    def where(self, name: str) -> str | None:
        """Return where the secret is found: `environment`, `keyring`, `file`, or None.  Raises `SettingsError`."""
        return self._find(name)[1]

    def put(self, name: str, value: str) -> str:
        """Keep a secret, in place of an earlier one, and return where: `keyring` or `file`.

        Raises:
            InvalidArgument: the name is none, or the value is empty.
            SettingsError: the file cannot be written, is damaged, or others can read it.
            StorageFull: the disk is full.
        """
        if not _NAME.fullmatch(name):
            raise InvalidArgument("name", f"`{name}` is no name of a secret: letters, digits and `_.-` in it")
        if not value:
            raise InvalidArgument("value", "a secret is not empty")
        self._remember(value)
        if self._keyring.put(name, value):
            self._file.put(name, None)
            return "keyring"
        self._file.put(name, value)
        return "file"

    def delete(self, name: str) -> bool:
        """Forget a secret in keyring and file, and return whether it was there.  Raises `SettingsError`."""
        in_keyring = name in self._file.names() and self._keyring.delete(name)
        return self._file.delete(name) or in_keyring

    def names(self) -> list[str]:
        """Return the names of all secrets that were kept here, sorted.  Raises `SettingsError`."""
        return self._file.names()

    def resolve(self, text: str, source: str) -> str:
        """Return `text` with every `${NAME}`, `${env:NAME}` and `${NAME:-default}` replaced.

        Raises:
            SecretMissing: one is not there; it names `source`.
            SettingsError: the file is damaged, or others can read it.
        """
        return expand(text, self.get, source=source)

    def redact(self, text: str) -> str:
        """Return `text` with every secret that was read or kept so far replaced by `[secret]`.

        Also in the forms that a secret takes on its way: URL-encoded, within JSON, within base64.
        """
        for form in self._forms:
            if form in text:
                text = text.replace(form, MARK)
        return text

    def learn(self, value: str) -> None:
        """Hide `value` from now on as if it had been read: a token that was had for a secret is one itself."""
        self._remember(value)

    def _find(self, name: str) -> tuple[str | None, str | None]:
        found = self._environ.get(name)
        if found is not None:
            if not _PLAIN_NAME.fullmatch(name) and not _is_harmless(found):
                self._remember(found)
            return found, "environment"
        found = self._keyring.get(name)
        if found is not None:
            self._remember(found)
            return found, "keyring"
        found = self._file.get(name)
        if found is not None:
            self._remember(found)
            return found, "file"
        return None, None

    def _remember(self, value: str) -> None:
        if len(value) < REDACT_FROM_CHARS or value in self._seen:
            return
        with self._remembering:
            self._seen.add(value)
            self._forms = tuple(sorted({*self._forms, *_forms(value)}, key=lambda form: (-len(form), form)))


def _is_harmless(value: str) -> bool:
    """Whether a variable's value is a flag, a small number or an existing path, all useless to a thief."""
    if value.casefold() in {"true", "false", "none", "null"} or (value.isdigit() and len(value) < 6):
        return True
    # `pathlib` raises for some texts that are no path: a user nobody knows, a name too long.
    return value.startswith(("/", "~", ".")) and os.path.exists(os.path.expanduser(value))  # noqa: PTH110, PTH111


def _forms(value: str) -> Iterator[str]:
    """Yield the ways in which `value` can stand in a text."""
    yield value
    yield quote(value, safe="")
    yield quote(value)
    yield quote_plus(value)
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield from _within_base64(value.encode("utf-8", "surrogatepass"))


def _within_base64(value: bytes) -> Iterator[str]:
    """Yield what base64 makes of `value` at each of the three places where it can start in a longer text."""
    for before in range(3):
        padded = bytes(before) + value
        whole_bytes = len(padded) // 3 * 3
        # The first group also carries what stands before, the last what comes after: both are left out.
        inner = padded[3 if before else 0 : whole_bytes]
        if len(inner) >= 6:
            yield base64.b64encode(inner).decode("ascii")
            yield base64.urlsafe_b64encode(inner).decode("ascii")


class _Keyring:
    """The system's keyring, where there is one that works; each call is bounded in time, and none raises."""

    def __init__(self, service: str, timeout_s: float) -> None:
        self._service = service
        self._timeout_s = timeout_s
        self._usable = True

    def get(self, name: str) -> str | None:
        return self._ask(lambda ring: ring.get_password(self._service, name))

    def put(self, name: str, value: str) -> bool:
        def store(ring: Any) -> bool:
            ring.set_password(self._service, name, value)
            return bool(ring.get_password(self._service, name) == value)

        return self._ask(store) or False

    def delete(self, name: str) -> bool:
        def drop(ring: Any) -> bool:
            if ring.get_password(self._service, name) is None:
                return False
            ring.delete_password(self._service, name)
            return True

        return self._ask(drop) or False

    def _ask(self, question: Callable[[Any], T]) -> T | None:
        """Return what the keyring answers; None when it is unusable, fails or stays silent, and then for good."""
        if not self._usable:
            return None
        answers: list[T | None] = []

        def work() -> None:
            try:
                ring = _working_keyring()
                answers.append(question(ring) if ring is not None else None)
                self._usable = ring is not None
            except Exception as error:  # noqa: BLE001 - backends raise what their platform does; only the fact matters
                logger.info("the keyring failed with %s and is not used", type(error).__name__)
                answers.append(None)
                self._usable = False

        # A thread of its own that may be abandoned: a locked keyring waits for a person, who may not be there.
        worker = threading.Thread(target=work, name="keyring", daemon=True)
        worker.start()
        worker.join(self._timeout_s)
        if not answers:
            logger.warning("the keyring did not answer within %g s and is not used", self._timeout_s)
            self._usable = False
            return None
        return answers[0]


def _working_keyring() -> Any:
    """Return the keyring's module when a backend that keeps secrets well is there, else None."""
    import keyring
    from keyring.core import recommended

    # `recommended` leaves out the backends that fail, forget or write plain text.
    return keyring if recommended(keyring.get_keyring()) else None
