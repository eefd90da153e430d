"""Numba types for memory that the compiled engine lays out itself: the world, and spans of records or numbers.

A handler's `w` is one pointer to a block that holds the small records (server, parameters, ledger, tasks …) side by
side; whatever grows stands in a span of its own, whose address is a field of the block. So a handler call passes two
pointers and a few numbers, and a growing span costs neither a return to Python nor a reference count.
"""

# mypy: disallow-untyped-calls=False, disallow-untyped-decorators=False, disallow-subclassing-any=False
# (Numba's extension interface has no types, or partial ones, depending on its version)

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_global, signature
from numba.extending import (
    infer_getattr,
    intrinsic,
    lower_builtin,
    lower_getattr_generic,
    lower_setattr_generic,
    models,
    register_model,
)

from sim.engine.compiled import layout

BYTE_POINTER = ir.IntType(8).as_pointer()
WORD = ir.IntType(64)


class RecordType(types.Type):
    """A pointer to one record; fields are read and written by name, and an array among them is a span.

    Numba's own records would do, but their names list every field, which makes compiling slow and errors unreadable.
    """

    def __init__(self, name: str, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        super().__init__(name=f"mrcpsim.{name}")


class SpanType(types.Type):
    """A pointer to consecutive elements; it neither owns them nor knows how many there are."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"mrcpsim.Span({dtype})")


class SessionsType(types.Type):
    """The sessions of a world: an element is a slot, and the length is the number of slots there are."""

    def __init__(self) -> None:
        self.dtype = RECORDS[layout.SESSION]
        super().__init__(name="mrcpsim.Sessions")


class WorldType(types.Type):
    """`sim.server.records.World`: a pointer to the block described by `layout.BLOCK`."""

    def __init__(self) -> None:
        super().__init__(name="mrcpsim.World")


class _PointerModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, BYTE_POINTER)


for _type in (RecordType, SpanType, SessionsType, WorldType):
    register_model(_type)(_PointerModel)

RECORDS: dict[np.dtype[Any], RecordType] = {
    dtype: RecordType(name, dtype) for name, dtype in vars(layout).items() if isinstance(dtype, np.dtype)
}
WORLD = WorldType()
SESSIONS = SessionsType()


def type_of(dtype: np.dtype[Any]) -> Any:
    """The compiled type of a field or an element: numbers are 64 bit in compiled code, however they are stored."""
    if dtype.subdtype is not None:
        return SpanType(stored_type(dtype.subdtype[0]))
    if dtype.names is not None:
        return RECORDS[dtype]
    return types.float64 if dtype.kind == "f" else types.int64


def stored_type(dtype: np.dtype[Any]) -> Any:
    """The type of a span's elements, which says how they are stored."""
    if dtype.names is not None:
        return RECORDS[dtype]
    return types.float64 if dtype.kind == "f" else types.Integer.from_bitwidth(dtype.itemsize * 8, True)


_REMOTE: dict[str, tuple[Any, int]] = {
    name: (SpanType(stored_type(dtype)), layout.address_offset(name)) for name, dtype in layout.REMOTE.items()
}


def _advance(builder: Any, pointer: Any, offset: Any, result: Any = BYTE_POINTER) -> Any:
    if isinstance(offset, int):
        offset = ir.Constant(WORD, offset)
    moved = builder.gep(pointer, [offset], inbounds=True)
    return moved if result is BYTE_POINTER else builder.bitcast(moved, result)


def _load_number(builder: Any, pointer: Any, offset: Any, stored: Any) -> Any:
    """A number at an offset, as 64 bits."""
    if stored is types.float64:
        return builder.load(_advance(builder, pointer, offset, ir.DoubleType().as_pointer()))
    kind = ir.IntType(stored.bitwidth)
    value = builder.load(_advance(builder, pointer, offset, kind.as_pointer()))
    return value if stored.bitwidth == 64 else builder.sext(value, WORD)


def _store_number(builder: Any, pointer: Any, offset: Any, stored: Any, value: Any) -> None:
    if stored is types.float64:
        builder.store(value, _advance(builder, pointer, offset, ir.DoubleType().as_pointer()))
        return
    kind = ir.IntType(stored.bitwidth)
    if stored.bitwidth != 64:
        value = builder.trunc(value, kind)
    builder.store(value, _advance(builder, pointer, offset, kind.as_pointer()))


def _load_address(builder: Any, pointer: Any, offset: int) -> Any:
    return builder.load(_advance(builder, pointer, offset, BYTE_POINTER.as_pointer()))


_Attributes: Any = AttributeTemplate

# --- fields ---------------------------------------------------------------------------------------------------------


@infer_getattr
class _WorldAttributes(_Attributes):
    key = WorldType

    def generic_resolve(self, typ: Any, attr: str) -> Any:
        if attr == "sessions":
            return SESSIONS
        if attr in _REMOTE:
            return _REMOTE[attr][0]
        fields = layout.fields_of(layout.BLOCK)
        return type_of(fields[attr][0]) if attr in fields else None


@lower_getattr_generic(WorldType)
def _world_getattr(context: Any, builder: Any, typ: Any, value: Any, attr: str) -> Any:
    if attr == "sessions":
        return value
    if attr in _REMOTE:
        return _load_address(builder, value, _REMOTE[attr][1])
    return _advance(builder, value, int(layout.fields_of(layout.BLOCK)[attr][1]))


@infer_getattr
class _RecordAttributes(_Attributes):
    key = RecordType

    def generic_resolve(self, typ: Any, attr: str) -> Any:
        fields = typ.dtype.fields
        return type_of(fields[attr][0]) if attr in fields else None


@lower_getattr_generic(RecordType)
def _record_getattr(context: Any, builder: Any, typ: Any, value: Any, attr: str) -> Any:
    dtype, offset = typ.dtype.fields[attr][:2]
    if dtype.subdtype is not None or dtype.names is not None:
        return _advance(builder, value, int(offset))
    return _load_number(builder, value, int(offset), stored_type(dtype))


@lower_setattr_generic(RecordType)
def _record_setattr(context: Any, builder: Any, sig: Any, args: Any, attr: str) -> None:
    typ, given = sig.args
    dtype, offset = typ.dtype.fields[attr][:2]
    value = context.cast(builder, args[1], given, type_of(dtype))
    _store_number(builder, args[0], int(offset), stored_type(dtype), value)


# --- elements -------------------------------------------------------------------------------------------------------


def _element_type(span: Any) -> Any:
    return types.int64 if isinstance(span.dtype, types.Integer) else span.dtype


@infer_global(operator.getitem)
class _GetItem(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        if isinstance(args[0], SpanType | SessionsType) and isinstance(args[1], types.Integer):
            return signature(_element_type(args[0]), args[0], types.int64)
        return None


@infer_global(operator.setitem)
class _SetItem(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        if isinstance(args[0], SpanType) and isinstance(args[0].dtype, types.Number):
            return signature(types.none, args[0], types.int64, _element_type(args[0]))
        return None


@infer_global(len)
class _Length(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        if isinstance(args[0], SessionsType):
            return signature(types.int64, args[0])
        return None


def _offset(builder: Any, dtype: Any, index: Any) -> Any:
    size = dtype.dtype.itemsize if isinstance(dtype, RecordType) else dtype.bitwidth // 8
    return builder.mul(index, ir.Constant(WORD, size), flags=("nsw",))


@lower_builtin(operator.getitem, SpanType, types.int64)
def _span_getitem(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    dtype = sig.args[0].dtype
    offset = _offset(builder, dtype, args[1])
    return (
        _advance(builder, args[0], offset)
        if isinstance(dtype, RecordType)
        else _load_number(builder, args[0], offset, dtype)
    )


@lower_builtin(operator.setitem, SpanType, types.int64, types.Any)
def _span_setitem(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    dtype = sig.args[0].dtype
    _store_number(builder, args[0], _offset(builder, dtype, args[1]), dtype, args[2])
    return context.get_dummy_value()


@lower_builtin(operator.getitem, SessionsType, types.int64)
def _sessions_getitem(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    base = _load_address(builder, args[0], layout.address_offset("session_records"))
    return _advance(builder, base, _offset(builder, SESSIONS.dtype, args[1]))


@lower_builtin(len, SessionsType)
def _sessions_length(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return _load_number(builder, args[0], layout.field_offset("e", "slots"), types.int64)


# --- addresses ------------------------------------------------------------------------------------------------------


def native(build: Callable[..., Any]) -> Callable[..., Any]:
    """`numba.extending.intrinsic`: a function for compiled code alone, made of the instructions that `build` writes."""
    made: Callable[..., Any] = intrinsic(build)
    return made


def span_at(dtype: Any) -> Callable[[int], Any]:
    """A function for compiled code that makes a span of `dtype` out of an address."""
    made = SpanType(dtype if isinstance(dtype, types.Type) else stored_type(dtype))

    @native
    def at(typingctx: Any, address: Any) -> Any:
        def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return builder.inttoptr(args[0], BYTE_POINTER)

        return made(types.int64), codegen

    return at


@native
def world_at(typingctx: Any, address: Any) -> Any:
    """The world whose block stands at an address."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], BYTE_POINTER)

    return WORLD(types.int64), codegen


@native
def allocate(typingctx: Any, size: Any) -> Any:
    """The address of `size` new bytes."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.ptrtoint(context.nrt.allocate(builder, args[0]), ir.IntType(64))

    return types.int64(types.int64), codegen


@native
def release(typingctx: Any, address: Any) -> Any:
    """Give memory back that `allocate` gave."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        context.nrt.free(builder, builder.inttoptr(args[0], BYTE_POINTER))
        return context.get_dummy_value()

    return types.none(types.int64), codegen


@native
def copy_bytes(typingctx: Any, target: Any, source: Any, size: Any) -> Any:
    """Copy bytes between addresses that do not overlap."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        target_, source_ = (builder.inttoptr(a, BYTE_POINTER) for a in args[:2])
        cgutils.raw_memcpy(builder, target_, source_, args[2], 1)
        return context.get_dummy_value()

    return types.none(types.int64, types.int64, types.int64), codegen


@native
def float_bits(typingctx: Any, value: Any) -> Any:
    """The 64 bits of a float as an integer."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.IntType(64))

    return types.int64(types.float64), codegen


@native
def prefetch(typingctx: Any, span: Any, index: Any) -> Any:
    """Begin to bring an element of a span into the cache."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        at = _advance(builder, args[0], _offset(builder, sig.args[0].dtype, args[1]))
        number = ir.IntType(32)
        declared = ir.FunctionType(ir.VoidType(), [BYTE_POINTER, number, number, number])
        function = builder.module.declare_intrinsic("llvm.prefetch", [BYTE_POINTER], declared)
        builder.call(function, [at, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.none(span, types.int64), codegen
