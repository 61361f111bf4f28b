"""Banyan over HTTP: the MCP endpoint, health, and the guard before both."""

from banyan.server.http.serve import HttpLimits, serve_http

__all__ = ["HttpLimits", "serve_http"]
