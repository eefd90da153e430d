"""The four kinds of failure, so that a caller can tell the user's input from our own bug."""


class MrcpsimError(Exception):
    """Base of every error this package raises on purpose; its text is meant for the user."""


class ScenarioError(MrcpsimError):
    """A scenario, or another file the user wrote, is not usable (exit code 2)."""


class WrongType(ScenarioError, TypeError):
    """An argument of a Python function is not of a kind that it takes."""


class LogError(MrcpsimError):
    """A server log can not be read as one (exit code 2)."""


class RunFailed(MrcpsimError):
    """A run started and could not finish (exit code 3); the text has the seed and the command that reproduces it."""


class InternalError(MrcpsimError):
    """This should never happen: a bug in mrcpsim itself."""
