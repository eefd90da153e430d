"""Compile the kernel as one program, where Numba would compile each function as if it stood in a library.

Numba optimises every function together with all that it calls, again and again up the tree of calls, and lets each be
called from elsewhere. Here the parts are left as they are until the last one links them; nothing but the kernel can
call them then, so LLVM may inline what is called once, pass arguments in registers, and leave out what none of them
does. That makes the kernel a fifth faster and compiling it a third. Nor are the parts made into machine code, each with
all that it calls: nobody runs them by themselves, and it took more than half of the time. Where Numba is built
otherwise than expected, everything still works, at Numba's own pace.
"""

# mypy: disallow-untyped-calls=False
# (llvmlite has no types)

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import binding
from numba.core import codegen

INLINE_UP_TO = 1500
"""LLVM's measure of how large a function may be to be inlined at each of its calls; its own default is 225."""

USUAL = 225


def symbol(function: Callable[..., Any]) -> str:
    """How the name of a function begins in compiled code, as Numba mangles it."""
    parts = re.sub(r"[<>]", lambda m: f"_{ord(m[0]):02x}", f"{function.__module__}.{function.__qualname__}").split(".")
    return f"_ZN{''.join(f'{len(part)}{part}' for part in parts)}B"


@contextmanager
def one_program(
    name: str, once: Iterable[Callable[..., Any]] = (), seldom: Iterable[Callable[..., Any]] = ()
) -> Iterator[None]:
    """Functions compiled within belong to the function `name` alone, which is compiled last.

    Those that are called in one place, `once`, become a part of their caller, however large it is. Those that run
    `seldom` stay calls: they are called in many places, and a copy in each keeps what runs always from being inlined.
    Of the others LLVM decides.
    """
    parts = tuple(symbol(function) for function in once)
    calls = tuple(symbol(function) for function in seldom)
    library: Any = getattr(codegen, "CPUCodeLibrary", None)
    generator: Any = getattr(codegen, "JITCPUCodegen", None)
    optimize = getattr(library, "_optimize_final_module", None)
    make_code = getattr(library, "_finalize_final_module", None)
    note_globals = getattr(library, "_finalize_dynamic_globals", None)
    set_env = getattr(generator, "set_env", None)
    if optimize is None or make_code is None or note_globals is None or set_env is None:
        yield
        return

    def optimize_whole(self: Any) -> None:
        if self.name == name:
            for function in self._final_module.functions:
                if function.linkage == binding.Linkage.linkonce_odr and not function.is_declaration:
                    function.linkage = binding.Linkage.internal
                    if function.name.startswith(parts):
                        function.add_function_attribute("alwaysinline")
                    elif function.name.startswith(calls):
                        function.add_function_attribute("noinline")
            optimize(self)

    def make_code_of_whole(self: Any) -> None:
        if self.name == name:
            make_code(self)
        else:
            note_globals(self)
            self._finalized = True

    def set_env_whole(self: Any, symbol: str, *more: Any) -> None:
        if self._engine.is_symbol_defined(symbol):  # a part is nowhere in memory
            set_env(self, symbol, *more)

    library._optimize_final_module = optimize_whole
    library._finalize_final_module = make_code_of_whole
    generator.set_env = set_env_whole
    binding.set_option("mrcpsim", f"--inline-threshold={INLINE_UP_TO}")
    try:
        yield
    finally:
        library._optimize_final_module = optimize
        library._finalize_final_module = make_code
        generator.set_env = set_env
        binding.set_option("mrcpsim", f"--inline-threshold={USUAL}")
