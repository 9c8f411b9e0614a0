"""State by reference: compiled functions take the address of Memory's words, not the words.

Numba passes a tuple of arrays word by word: 112 of them to each call that is not inlined, most through the stack. Here the words lie in the frame of the
entry and each function loads those it uses. They never change during a run, and the loads say so (invariant.load), so the optimiser keeps them in registers
where there are any. An index is never negative, so it is not wrapped round either.
"""

from __future__ import annotations

import hashlib
import operator
from functools import cache
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import extending, types
from numba.core import cgutils, imputils
from numba.core.datamodel import models
from numba.core.typing.templates import AttributeTemplate
from numba.np import arrayobj


@cache
def _digest(name: str) -> str:
    """A name that stands for one of fourteen thousand letters: it is part of the symbol of every function, and of each call of one."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]


class Table(types.Array):
    """An array of the state: as any other, but indices count from its first item only."""

    def __init__(self, array: Any) -> None:
        super().__init__(array.dtype, array.ndim, array.layout, not array.mutable, f"table {_digest(array.name)}", array.aligned)

    @property
    def key(self) -> Any:
        """Two of them are the same if their names are."""
        return self.name


class Reference(types.Type):
    """Where a named tuple lies."""

    def __init__(self, target: Any) -> None:
        self.target = target
        super().__init__(f"reference {_digest(target.name)}")


TABLE = ("data", "shape")


class _TableModel(models.StructModel):
    """All that an access needs of an array."""

    def __init__(self, manager: Any, table: Any) -> None:
        super().__init__(manager, table, list(zip(TABLE, (types.CPointer(table.dtype), types.UniTuple(types.intp, table.ndim)), strict=True)))


extending.register_model(Reference)(models.OpaqueModel)
extending.register_model(Table)(_TableModel)


@extending.infer_getattr
class _FieldType(AttributeTemplate):
    key = Reference

    def generic_resolve(self, reference: Any, name: str) -> Any:  # type: ignore[override]
        return _field_type(reference.target, name)


@cache
def _field_type(target: Any, name: str) -> Any:
    field = target.types[target.fields.index(name)]
    return Table(field) if isinstance(field, types.Array) else field


def _load_field(context: Any, builder: Any, reference: Any, value: Any, name: str) -> Any:
    index = reference.target.fields.index(name)
    struct = builder.bitcast(value, context.get_value_type(reference.target).as_pointer())
    kind = _field_type(reference.target, name)
    if not isinstance(kind, Table):
        return _load_words(builder, cgutils.gep_inbounds(builder, struct, 0, index))
    model = context.data_model_manager[reference.target.types[index]]
    table = ir.Constant(context.get_value_type(kind), ir.Undefined)
    for at, part in enumerate(TABLE):
        table = builder.insert_value(table, _load_words(builder, cgutils.gep_inbounds(builder, struct, 0, index, model.get_field_position(part))), at)
    return table


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


def _as_array(context: Any, builder: Any, table: Any, target: Any, value: Any) -> Any:
    array = arrayobj.make_array(target)(context, builder)
    shape = cgutils.unpack_tuple(builder, builder.extract_value(value, TABLE.index("shape")))
    itemsize = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(table.dtype)))
    strides = [itemsize]
    for length in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], length))
    data = builder.extract_value(value, TABLE.index("data"))
    arrayobj.populate_array(array, data=data, shape=shape, strides=strides, itemsize=itemsize, meminfo=None)
    return array._getvalue()


def _pointer(context: Any, builder: Any, table: Any, value: Any, index_type: Any, index: Any) -> Any:
    assert table.layout == "C"
    several = hasattr(index_type, "types")
    indices = cgutils.unpack_tuple(builder, index) if several else [index]
    kinds = index_type.types if several else [index_type]
    assert len(indices) == table.ndim
    indices = [context.cast(builder, one, kind, types.intp) for one, kind in zip(indices, kinds, strict=True)]
    shape = cgutils.unpack_tuple(builder, builder.extract_value(value, TABLE.index("shape")))
    if context.enable_boundscheck:
        for axis, (one, length) in enumerate(zip(indices, shape, strict=True)):
            cgutils.do_boundscheck(context, builder, one, length, axis)
    place = indices[0]
    for one, length in zip(indices[1:], shape[1:], strict=True):
        place = builder.add(builder.mul(place, length), one)
    return builder.gep(builder.extract_value(value, TABLE.index("data")), [place])


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
