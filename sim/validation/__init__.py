"""A scenario held to a log: the log's own calls simulated, and compared."""
