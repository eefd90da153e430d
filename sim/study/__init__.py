"""Many runs: replications, sweeps, comparison, capacity; `sim.study(…)` is the function `sim.study.study.study`.

The package can be called, because the function that users know has its name.
"""

import sys
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    """This package, which is also the function."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Do a study: see `sim.study.study.study`."""
        from sim.study.study import study

        return study(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
