"""Values, errors and ports: pure, no I/O."""
