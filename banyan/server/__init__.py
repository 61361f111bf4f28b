"""The outside: settings, wiring, command line, MCP server, HTTP."""
