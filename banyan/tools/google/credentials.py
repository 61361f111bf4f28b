"""Who calls: Google's application default credentials, refreshed over the guarded client."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import anyio.from_thread
import anyio.to_thread

from banyan.core.call import Category
from banyan.core.errors import CallFailed
from banyan.core.shorten import cut
from banyan.tools.web.client import WebClient
from banyan.tools.web.request import WebRequest

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

FILE_BYTES = 1024 * 1024
"""Bytes of a credentials file that are read."""

TOKEN_S = 20.0
"""Seconds that one request for a token may take."""

_VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"
_WELL_KNOWN = "application_default_credentials.json"
_SCOPES = "https://www.googleapis.com/auth/"
_CLOUD = "cloud-platform"
NO_CREDENTIALS = "there are no Google credentials here"
LOG_IN = (
    "have a person run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS, "
    "or give an API key: `banyan add google --api-key '${NAME}'`"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What shows who calls."""

    headers: tuple[tuple[str, str], ...]
    token: str
    """The secret among them, to be hidden where a server repeats it."""


class DefaultCredentials:
    """The credentials that Google's own tools would use, found where these look for them.

    The address from which machines in Google's cloud get theirs is asked only if `metadata` says so.
    """

    def __init__(
        self, client: WebClient, environment: Mapping[str, str], *, file: str | None = None, metadata: bool = False
    ) -> None:
        self._client = client
        self._environment = environment
        self._file = file
        self._metadata = metadata
        self._known: dict[tuple[str, ...], Credentials] = {}
        self._refreshing = anyio.Lock()  # many calls at once need one token, not many

    def place(self) -> Path | None:
        """Return the file that the credentials are in; None where there is none."""
        if named := self._file or self._environment.get(_VARIABLE):
            return Path(named).expanduser()
        if folder := self._environment.get("CLOUDSDK_CONFIG"):
            found = Path(folder) / _WELL_KNOWN
        elif folder := self._environment.get("APPDATA"):
            found = Path(folder) / "gcloud" / _WELL_KNOWN
        else:
            found = Path.home() / ".config" / "gcloud" / _WELL_KNOWN
        return found if found.is_file() else None

    async def proof(self, scopes: Sequence[str], *, read_only: bool, timeout_s: float) -> Proof:
        """Return what shows who calls a method that any of `scopes` is enough for.

        Raises:
            CallFailed: there are no credentials, or no token can be had for them; nothing was sent to the API.
        """
        key = _scopes_for(scopes, read_only=read_only)
        with anyio.move_on_after(timeout_s):
            async with self._refreshing:
                credentials = self._known.get(key)
                if credentials is None:
                    credentials = self._known[key] = await anyio.to_thread.run_sync(self._load, key)
                if not credentials.valid:
                    refresh = partial(_refresh, credentials, self._client)
                    await anyio.to_thread.run_sync(refresh, abandon_on_cancel=True)
                headers: dict[str, str] = {}
                credentials.apply(headers)  # type: ignore[no-untyped-call]
                return Proof(headers=tuple(headers.items()), token=str(credentials.token))
        raise CallFailed(Category.TIMEOUT, f"no token for the call was had within {timeout_s:g} s", sent=False)

    def _load(self, scopes: tuple[str, ...]) -> Credentials:
        place = self.place()
        if place is not None:
            return _from_file(place, scopes)
        if self._metadata:
            from google.auth.compute_engine import Credentials as MachineCredentials

            return MachineCredentials()  # type: ignore[no-untyped-call]
        raise CallFailed(Category.AUTH, NO_CREDENTIALS, fix=LOG_IN, sent=False)


def _scopes_for(scopes: Sequence[str], *, read_only: bool) -> tuple[str, ...]:
    """Return the least of the scopes that is enough: one for reading where that is all, the cloud's, or the first."""
    reading = [one for one in scopes if one.endswith(("readonly", "read-only"))]
    if read_only and reading:
        return (reading[0],)
    return (_CLOUD,) if _CLOUD in scopes or not scopes else (scopes[0],)


def _from_file(place: Path, scopes: tuple[str, ...]) -> Credentials:
    full = [one if "://" in one else f"{_SCOPES}{one}" for one in scopes]
    try:
        with place.open("rb") as file:
            info = json.loads(file.read(FILE_BYTES))
        return _made(info, full)
    except (OSError, ValueError, KeyError, TypeError) as error:
        # The file holds secrets, and what a parser says may repeat them: the kind of error has to do.
        problem = f"the Google credentials in `{place.name}` cannot be read: {type(error).__name__}"
        raise CallFailed(Category.AUTH, problem, fix=LOG_IN, sent=False) from None


def _made(info: Mapping[str, Any], scopes: list[str]) -> Credentials:
    """Return the credentials that a file holds.  Raises `ValueError` and `KeyError`, too, when they are malformed."""
    kind = info["type"]
    if kind == "service_account":
        from google.oauth2.service_account import Credentials as ServiceAccount

        return ServiceAccount.from_service_account_info(info, scopes=scopes)  # type: ignore[no-untyped-call,no-any-return]
    if kind == "authorized_user":
        from google.oauth2.credentials import Credentials as User

        # Their scopes were given when the person logged in, and a token for others would be refused.
        user = User.from_authorized_user_info(info)  # type: ignore[no-untyped-call]
        project = info.get("quota_project_id")
        return user.with_quota_project(project) if project else user  # type: ignore[no-any-return]
    if kind == "impersonated_service_account":
        from google.auth.impersonated_credentials import Credentials as Impersonated

        return Impersonated.from_impersonated_service_account_info(info, scopes=scopes)  # type: ignore[no-untyped-call,no-any-return]
    if kind == "external_account":
        from google.auth.identity_pool import Credentials as Federated

        return Federated.from_info(info, scopes=scopes)  # type: ignore[no-untyped-call,no-any-return]
    raise ValueError(f"credentials of type {kind!r}")


def _refresh(credentials: Credentials, client: WebClient) -> None:
    """Get a token, in a worker thread: the library blocks, and its requests are sent by the event loop."""
    from google.auth.exceptions import GoogleAuthError

    try:
        credentials.refresh(_Transport(client))  # type: ignore[no-untyped-call]
    except GoogleAuthError as error:
        told = cut(" ".join(str(error.args[0] if error.args else error).split()), 300)
        problem = f"Google gave no token for these credentials: {told}"
        raise CallFailed(Category.AUTH, problem, fix=LOG_IN, sent=False) from None


class _Transport:
    """How google-auth sends its requests: through the guarded client."""

    def __init__(self, client: WebClient) -> None:
        self._client = client

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_: Any,
    ) -> _Answer:
        """Send one request.  Raises `CallFailed`: nothing was sent to the API itself."""
        request = WebRequest(
            method=method,
            url=url,
            headers=tuple((headers or {}).items()),
            body=body.encode() if isinstance(body, str) else body,
        )
        send = partial(self._client.send, request, timeout_s=min(timeout or TOKEN_S, TOKEN_S))
        try:
            response = anyio.from_thread.run(send)
        except CallFailed as failure:
            message = f"no token for the call: {failure.message}"
            raise CallFailed(failure.category, message, fix=failure.fix, sent=False) from None
        return _Answer(status=response.status, headers=response.headers, data=response.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """A response in the shape that google-auth reads."""

    status: int
    headers: Mapping[str, str]
    data: bytes
