"""The compiled engine: the reference engine's semantics on a calendar of its own, under Numba."""
