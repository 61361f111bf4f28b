"""Doubles of every port, held to the same conformance suite as the real ones."""
