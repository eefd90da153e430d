"""Normal deviates faster than NumPy draws them, and the same bits: its ziggurat on its PCG64, compiled in one piece.

Most random values of a run are lognormal service and wake-up times, and NumPy spends most of its time in calls
through pointers. The algorithm and its tables are NumPy's (`random_standard_normal` in `distributions.c`; PCG64 is
O'Neill's XSL-RR, 2014). `agrees()` compares a few thousand deviates; where they differ, NumPy draws.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import register_jitable

from sim.engine.compiled import cache
from sim.engine.compiled.memory import native
from sim.engine.compiled.ziggurat import NO_TABLES, TABLES

Array = np.ndarray[Any, Any]

MULTIPLIER = 0x2360ED051FC65DA44385DF649FCCF645
_WI, _FI, _KI, _R, _INV_R = TABLES or NO_TABLES


@native
def _next(typingctx: Any, state: Any) -> Any:
    """Advance a PCG64 state (a pointer to state and increment, 128 bits each) and return the next 64 bits."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        wide = ir.IntType(128)
        pointer = builder.inttoptr(args[0], wide.as_pointer())
        old = builder.load(pointer, align=8)
        increment = builder.load(builder.gep(pointer, [ir.Constant(ir.IntType(64), 1)]), align=8)
        new = builder.add(builder.mul(old, wide(MULTIPLIER)), increment)
        builder.store(new, pointer, align=8)
        high = builder.trunc(builder.lshr(new, wide(64)), ir.IntType(64))
        folded = builder.xor(high, builder.trunc(new, ir.IntType(64)))
        turn = builder.lshr(high, ir.IntType(64)(58))
        left = builder.and_(builder.neg(turn), ir.IntType(64)(63))
        return builder.or_(builder.lshr(folded, turn), builder.shl(folded, left))

    return types.uint64(types.int64), codegen


@native
def _fraction(typingctx: Any, bits: Any) -> Any:
    """The upper 53 of 64 bits as a number in [0, 1)."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        upper = builder.lshr(args[0], ir.IntType(64)(11))
        return builder.fmul(builder.uitofp(upper, ir.DoubleType()), ir.Constant(ir.DoubleType(), 2.0**-53))

    return types.float64(types.uint64), codegen


def _tail(state: int, negative: bool) -> float:
    """A deviate beyond the ziggurat's last layer."""
    while True:
        xx = -_INV_R * math.log1p(-_fraction(_next(state)))
        yy = -math.log1p(-_fraction(_next(state)))
        if yy + yy > xx * xx:
            return -(_R + xx) if negative else _R + xx


def _fill(address: int, out: Array, mean: float, sigma: float) -> None:
    """Fill `out` with normal deviates of that mean and standard deviation; the state at `address` moves on."""
    for i in range(len(out)):
        while True:
            bits = _next(address)
            layer = int(bits & np.uint64(0xFF))
            rest = int((bits >> np.uint64(9)) & np.uint64(0x000FFFFFFFFFFFFF))
            x = rest * _WI[layer]
            if bits & np.uint64(0x100):
                x = -x
            if rest < _KI[layer]:
                break
            if layer == 0:
                x = _tail(address, (rest >> 8) & 1 != 0)
                break
            if (_FI[layer - 1] - _FI[layer]) * _fraction(_next(address)) + _FI[layer] < math.exp(-0.5 * x * x):
                break
        out[i] = x * sigma + mean


cache.use()
register_jitable(_tail)
_FILL = njit(types.void(types.int64, types.float64[::1], types.float64, types.float64), cache=True)(_fill)


class LognormalStream:
    """The values of one lognormal stream, as `sim.engine.start.sampling.sampler` draws them."""

    def __init__(self, rng: np.random.Generator, mean: float, sigma: float) -> None:
        given = rng.bit_generator.state["state"]
        self.state = np.array(
            [part >> shift & 0xFFFFFFFFFFFFFFFF for part in (given["state"], given["inc"]) for shift in (0, 64)],
            np.uint64,
        )
        self.address = int(self.state.ctypes.data)
        self.mean, self.sigma = mean, sigma

    def fill(self, out: Array) -> None:
        """Write the next values."""
        _FILL(self.address, out, self.mean, self.sigma)
        np.exp(out, out)


def agrees() -> bool:
    """Whether these deviates are NumPy's, bit by bit, on this machine."""
    if TABLES is None:
        return False
    ours, theirs = (np.random.Generator(np.random.PCG64(20_251_123)) for _ in range(2))
    values = np.empty(8192)
    LognormalStream(ours, 0.25, 1.5).fill(values)
    return bool(np.array_equal(values, np.exp(theirs.standard_normal(8192) * 1.5 + 0.25)))
