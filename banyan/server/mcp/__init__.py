"""Banyan as an MCP server: its tools, over stdio or, with `banyan.server.http`, over HTTP."""

from banyan.server.mcp.options import AnswerLimits, Expose, QuestionLimits, ServeOptions
from banyan.server.mcp.stdio import serve_stdio

__all__ = ["AnswerLimits", "Expose", "QuestionLimits", "ServeOptions", "serve_stdio"]
