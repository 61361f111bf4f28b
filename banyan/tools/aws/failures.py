"""Why a call of AWS failed, in the categories that every backend tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from banyan.core.call import Category
from banyan.core.errors import CallFailed
from banyan.core.shorten import cut, shorten

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_MESSAGE_CHARS = 1_000
_DETAILS_CHARS = 500

_THROTTLED = ("Throttl", "TooManyRequests", "RequestLimitExceeded", "SlowDown", "ThroughputExceeded", "BandwidthLimit")
_MISSING = ("NoSuch", "NotFound", "DoesNotExist", "NonExistent")
_CONFLICT = ("AlreadyExists", "AlreadyOwned", "Conflict", "InUse", "ConditionalCheckFailed", "TransactionCanceled")
_WHO = ("ExpiredToken", "InvalidClientTokenId", "UnrecognizedClient", "SignatureDoesNotMatch", "InvalidAccessKeyId",
        "AuthFailure", "MissingAuthenticationToken", "IncompleteSignature", "RequestExpired", "InvalidToken",
        "InvalidSignature")  # fmt: skip
_MAY_NOT = ("AccessDenied", "Unauthorized", "OptInRequired", "NotAuthorized", "AuthorizationError")

_LOGIN = "have a person check the AWS credentials: `banyan doctor` says what is missing"
_PERMIT = "have a person allow the action to these credentials in IAM, or use others"
_REGION = "give `aws_region`, or have a person set a region: banyan add aws --region REGION, or AWS_REGION"


def sdk_errors() -> tuple[type[Exception], ...]:
    """Return what botocore raises when a call fails."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    return BotoCoreError, ClientError, ResponseParserError


def failure_of(error: Exception, *, sent: bool) -> CallFailed:
    """Return what an exception of botocore's means for the call.

    Args:
        error: as it was raised.
        sent: whether an earlier attempt of the same call may have reached AWS.
    """
    from botocore import exceptions

    if isinstance(error, exceptions.ClientError):
        return _refused(error)
    if not isinstance(error, exceptions.BotoCoreError):
        return CallFailed(Category.UPSTREAM, f"AWS's answer cannot be read: {type(error).__name__}", sent=True)
    said = cut(" ".join(str(error).split()), _MESSAGE_CHARS)
    for kinds, category, fix, was_sent in _rules():
        if isinstance(error, kinds):
            return CallFailed(category, said, fix=fix, sent=sent if was_sent is None else was_sent)
    # What is left are refusals by the SDK itself: of a host name, an ARN, a configuration.
    return CallFailed(Category.UPSTREAM if sent else Category.BAD_VALUE, said, sent=sent)


def ambiguous(error: BaseException | None) -> bool:
    """Whether a request that failed so may have reached AWS, and had its effect."""
    from botocore.exceptions import HTTPClientError

    return isinstance(error, HTTPClientError)


def _rules() -> tuple[tuple[tuple[type[Exception], ...], Category, str | None, bool | None], ...]:
    """Return kinds of exceptions, what each means, and whether AWS may have got the request; None: an earlier one."""
    from botocore import exceptions as e

    return (
        ((e.ReadTimeoutError,), Category.TIMEOUT, None, True),
        ((e.HTTPClientError, e.IncompleteReadError), Category.TRANSPORT, None, True),
        (
            (e.EndpointConnectionError, e.ConnectTimeoutError, e.ProxyConnectionError, e.SSLError, e.ConnectionError),
            Category.TRANSPORT,
            "see whether the network, the region and any endpoint of your own are right",
            None,
        ),
        ((e.NoRegionError,), Category.AUTH, _REGION, False),
        ((e.ParamValidationError, e.InvalidRegionError), Category.BAD_VALUE, None, False),
        (
            (
                e.NoCredentialsError,
                e.PartialCredentialsError,
                e.CredentialRetrievalError,
                e.NoAuthTokenError,
                e.TokenRetrievalError,
                e.ProfileNotFound,
                e.ConfigNotFound,
                e.ConfigParseError,
                e.MetadataRetrievalError,
                e.MissingDependencyException,
                e.SSOError,
                e.LoginError,
            ),
            Category.AUTH,
            _LOGIN,
            None,
        ),
    )


def _refused(error: ClientError) -> CallFailed:
    """Return what AWS's own answer means."""
    response: Mapping[str, Any] = error.response
    about = response.get("Error", {})
    code = str(about.get("Code", "Unknown"))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    details = {key: one for key, one in response.items() if key not in {"Error", "ResponseMetadata", "message"} and one}
    message = f"{code}: {about.get('Message') or 'AWS does not say why'}"
    if details:
        message += f" {shorten(details, _DETAILS_CHARS)}"
    category, fix = _meaning(code, status)
    return CallFailed(category, cut(message, _MESSAGE_CHARS), fix=fix, sent=True)


def _meaning(code: str, status: int) -> tuple[Category, str | None]:
    for words, category, fix in _CODES:
        if any(word in code for word in words):
            return category, fix
    if status in _STATUSES:
        return _STATUSES[status]
    return (Category.BAD_VALUE, None) if 400 <= status < 500 else (Category.UPSTREAM, None)


_CODES = (
    (_THROTTLED, Category.RATE_LIMITED, "wait a few seconds and call again"),
    (_WHO, Category.AUTH, _LOGIN),
    (_MAY_NOT, Category.AUTH, _PERMIT),
    (_CONFLICT, Category.UPSTREAM, None),
    (_MISSING, Category.NOT_FOUND, None),
    (("RequestTimeout",), Category.TIMEOUT, None),
)
_STATUSES: Mapping[int, tuple[Category, str | None]] = {
    401: (Category.AUTH, _LOGIN),
    403: (Category.AUTH, _PERMIT),
    404: (Category.NOT_FOUND, None),
    408: (Category.TIMEOUT, None),
    409: (Category.UPSTREAM, None),
    412: (Category.UPSTREAM, None),
    429: (Category.RATE_LIMITED, "wait a few seconds and call again"),
    504: (Category.TIMEOUT, None),
}
