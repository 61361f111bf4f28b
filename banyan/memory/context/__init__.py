"""What a task's worker must know, put together from its tree within a budget of tokens."""
