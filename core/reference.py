"""State by reference: compiled functions take the address of Memory's words, not the words.

Numba passes a tuple of arrays word by word: 112 of them to each call that is not inlined, most through the stack. Here the words lie in the frame of the
entry and each function loads those it uses. They never change during a run, and the loads say so (invariant.load), so the optimiser keeps them in registers
where there are any. An index is never negative, so it is not wrapped round either.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import extending, types
from numba.core import cgutils, imputils
from numba.core.datamodel import models
from numba.core.typing.templates import AttributeTemplate
from numba.np import arrayobj


class Table(types.Array):
    """An array of the state: as any other, but indices count from its first item only."""

    def __init__(self, array: Any) -> None:
        super().__init__(array.dtype, array.ndim, array.layout, not array.mutable, f"table of {array.name}", array.aligned)


class Reference(types.Type):
    """Where a named tuple lies."""

    def __init__(self, target: Any) -> None:
        self.target = target
        super().__init__(f"reference to {target.name}")


extending.register_model(Reference)(models.OpaqueModel)
extending.register_model(Table)(models.ArrayModel)


@extending.infer_getattr
class _FieldType(AttributeTemplate):
    key = Reference

    def generic_resolve(self, reference: Any, name: str) -> Any:  # type: ignore[override]
        field = reference.target.types[reference.target.fields.index(name)]
        return Table(field) if isinstance(field, types.Array) else field


def _load_field(context: Any, builder: Any, reference: Any, value: Any, name: str) -> Any:
    index = reference.target.fields.index(name)
    struct = builder.bitcast(value, context.get_value_type(reference.target).as_pointer())
    return _load_words(builder, cgutils.gep_inbounds(builder, struct, 0, index))


def _load_words(builder: Any, pointer: Any) -> Any:
    """Load a value word by word; words without use cost nothing."""
    kind = pointer.type.pointee
    if not isinstance(kind, ir.LiteralStructType | ir.ArrayType):
        load = builder.load(pointer)
        load.set_metadata("invariant.load", builder.module.add_metadata([]))
        return load
    value = ir.Constant(kind, ir.Undefined)
    for at in range(len(kind)):
        value = builder.insert_value(value, _load_words(builder, cgutils.gep_inbounds(builder, pointer, 0, at)), at)
    return value


def _refer(_typing: Any, target: Any) -> Any:
    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.bitcast(cgutils.alloca_once_value(builder, args[0]), cgutils.voidptr_t)

    return Reference(target)(target), emit


refer: Any = extending.intrinsic(_refer)


def _as_array(_context: Any, _builder: Any, _source: Any, _target: Any, value: Any) -> Any:
    return value


def _pointer(context: Any, builder: Any, table: Any, value: Any, index_type: Any, index: Any) -> Any:
    array = arrayobj.make_array(table)(context, builder, value)
    several = hasattr(index_type, "types")
    indices = cgutils.unpack_tuple(builder, index) if several else [index]
    kinds = index_type.types if several else [index_type]
    assert len(indices) == table.ndim
    indices = [context.cast(builder, one, kind, types.intp) for one, kind in zip(indices, kinds, strict=True)]
    return cgutils.get_item_pointer(context, builder, table, array, indices, boundscheck=context.enable_boundscheck)


def _get_item(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return arrayobj.load_item(context, builder, sig.args[0], _pointer(context, builder, sig.args[0], args[0], sig.args[1], args[1]))


def _set_item(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    pointer = _pointer(context, builder, sig.args[0], args[0], sig.args[1], args[1])
    value = context.cast(builder, args[2], sig.args[2], sig.args[0].dtype)
    arrayobj.store_item(context, builder, sig.args[0], value, pointer)


extending.lower_getattr_generic(Reference)(_load_field)
imputils.lower_cast(Table, types.Array)(_as_array)
for _index in (types.Integer, types.BaseTuple):
    extending.lower_builtin(operator.getitem, Table, _index)(_get_item)
    extending.lower_builtin(operator.setitem, Table, _index, types.Any)(_set_item)
