"""What can be done: sources of tools, sessions with them, the guarded call."""
