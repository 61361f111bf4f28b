"""botocore's clients: one per service and region, made when first needed, with the user's own credentials."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from banyan.core.errors import InvalidArgument
from banyan.tools.aws.failures import ambiguous
from banyan.tools.aws.models import EVERY, loader

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsConfig:
    """How AWS is reached, of a source's configuration."""

    services: tuple[str, ...] = (EVERY,)
    """Names of services, or globs over them."""
    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None
    """Address of all services, as of an emulator."""
    instance_metadata: bool = False
    """Whether credentials may come from the metadata service of the machine, which is asked over the network."""
    credentials: Mapping[str, str] | None = None
    """`access_key_id`, `secret_access_key` and maybe `session_token`, as references to secrets."""

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> AwsConfig:
        """Return what a source's configuration says.  Raises `InvalidArgument`."""
        keys = config.get("credentials")
        if keys is not None and not {"access_key_id", "secret_access_key"} <= keys.keys() <= _CREDENTIALS:
            raise InvalidArgument(
                "credentials", "AWS takes `access_key_id`, `secret_access_key` and maybe `session_token`"
            )
        return cls(
            services=tuple(config.get("services") or (EVERY,)),
            region=config.get("region"),
            profile=config.get("profile"),
            endpoint_url=config.get("endpoint_url"),
            instance_metadata=bool(config.get("instance_metadata", False)),
            credentials=keys,
        )


_CREDENTIALS = frozenset({"access_key_id", "secret_access_key", "session_token"})


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One call while it runs in its thread, with all that the SDK tries for it."""

    until_s: float
    """The monotonic time at which it must be over."""
    repeatable: bool
    """Whether it may be sent again after an answer was lost."""
    sent: bool = False
    """A request was handed to the network."""
    reached: bool = False
    """AWS may have got an earlier request of the call."""
    over: bool = False
    """Nobody waits for it any more."""

    @property
    def left_s(self) -> float:
        """Seconds that are left."""
        return 0.0 if self.over else self.until_s - time.monotonic()


class Overdue(Exception):
    """The call's time was up before the SDK sent the next request."""


CURRENT: ContextVar[Attempt | None] = ContextVar("attempt", default=None)
"""The attempt of the thread that runs it; clients are shared by threads, and tell their hooks nothing of the caller."""


class Clients:
    """The clients of one source.  All methods block, and may be called from several threads."""

    def __init__(self, config: AwsConfig, expand: Callable[[str], str], *, most: int) -> None:
        self._config = config
        self._expand = expand
        self._most = most
        self._session: Session | None = None
        self._clients: OrderedDict[tuple[str, str | None], BaseClient] = OrderedDict()
        # Held while a client is made: botocore's sessions are not made for several threads, its clients are.
        self._making = threading.Lock()

    def get(self, service: str, region: str | None) -> BaseClient:
        """Return the client of a service in a region, or in the configured one.

        Raises:
            BotoCoreError: it cannot be made, as without a region.
            SecretMissing: the configured credentials refer to a secret that is not there.
        """
        key = (service, region)
        with self._making:
            known = self._clients.get(key)
            if known is None:
                known = self._clients[key] = self._make(service, region)
                if len(self._clients) > self._most:
                    self._clients.popitem(last=False)
            self._clients.move_to_end(key)
            return known

    def close(self) -> None:
        """Close every client's connections, and forget them all."""
        with self._making:
            clients, self._clients, self._session = self._clients, OrderedDict(), None
        for client in clients.values():
            client.close()

    def __len__(self) -> int:
        return len(self._clients)

    def _make(self, service: str, region: str | None) -> BaseClient:
        from botocore.config import Config

        if self._session is None:
            self._session = new_session(self._config)
        # The session's loader would keep the model of every service that was ever called.
        self._session.register_component("data_loader", loader())
        given = self._config.credentials or {}
        keys = {_BOTOCORE[name]: self._expand(text) for name, text in given.items()}
        config = Config(
            connect_timeout=_CONNECT_S,
            max_pool_connections=_CONNECTIONS,
            retries={"mode": "standard"},
            user_agent_extra="banyan",
            # An emulator at one address has no names below it.
            inject_host_prefix=self._config.endpoint_url is None,
        )
        client = self._session.create_client(
            service,
            region_name=region or self._config.region,
            endpoint_url=self._config.endpoint_url,
            config=config,
            **keys,
        )
        # The SDK asks the handlers of the longest name first, and the first that says something decides.
        name = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register_first(f"before-send.{name}.*", _before_send)
        client.meta.events.register_first(f"needs-retry.{name}.*", _before_retry)
        return client


def new_session(config: AwsConfig) -> Session:
    """Return a session that finds credentials as every AWS tool does, but for the machine's metadata service."""
    import botocore.session

    session = botocore.session.Session(profile=config.profile)
    if not config.instance_metadata:
        # Its address is where an attacker would want a call to go; without attempts it is never asked.
        session.set_config_variable("metadata_service_num_attempts", 0)
    return session


def _before_send(request: Any, **_: Any) -> None:
    """Give the request the time that its call has left."""
    attempt = CURRENT.get()
    if attempt is None:
        return
    if attempt.left_s <= 0:
        raise Overdue
    context = getattr(request, "context", None)
    if context is not None:
        context["read_timeout"] = attempt.left_s
    attempt.sent = True


def _before_retry(response: Any = None, caught_exception: BaseException | None = None, **_: Any) -> bool | None:
    """Return False, which ends the attempts, where another could do a thing twice or would come too late."""
    attempt = CURRENT.get()
    if attempt is None:
        return None
    lost = ambiguous(caught_exception)
    attempt.reached = attempt.reached or lost or response is not None
    return False if attempt.left_s <= 0 or (lost and not attempt.repeatable) else None


_BOTOCORE = {
    "access_key_id": "aws_access_key_id",
    "secret_access_key": "aws_secret_access_key",
    "session_token": "aws_session_token",
}
_CONNECT_S = 10
_CONNECTIONS = 32
