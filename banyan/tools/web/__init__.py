"""The guarded HTTP client: where calls may go, how much may come back, and what a status means."""

from banyan.tools.web.allowed import Allowed
from banyan.tools.web.client import WebClient
from banyan.tools.web.document import fetch_document
from banyan.tools.web.failure import failure_of
from banyan.tools.web.limits import WebLimits
from banyan.tools.web.request import WebRequest, WebResponse

__all__ = ["Allowed", "WebClient", "WebLimits", "WebRequest", "WebResponse", "failure_of", "fetch_document"]
