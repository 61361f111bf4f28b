"""Banyan over HTTP: the MCP endpoint and health, and the guard before both."""

from banyan.server.http.options import HttpOptions
from banyan.server.http.serve import serve_http

__all__ = ["HttpOptions", "serve_http"]
