"""A scenario from a log: mechanisms fitted, each with its evidence."""
