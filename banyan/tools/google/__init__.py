"""Google's APIs as a source: every method of their discovery documents a tool."""

from banyan.tools.google.backend import GoogleBackend

__all__ = ["GoogleBackend"]
