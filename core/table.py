"""Arrays of the state as compiled functions see them, and the records and fields in them.

Each field of each array lies where nothing else does, and every load and store says so (tbaa), so what was loaded before a store need not be loaded again
after it. An index is never negative, so it is not wrapped round.
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
def digest(name: str) -> str:
    """A name that stands for one of fourteen thousand letters: it is part of the symbol of every function, and of each call of one."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]


class Row(types.Record):
    """A record of the state: its arrays are tables."""

    def __init__(self, record: Any) -> None:
        self.fields, self.size, self.aligned, self.bitwidth = record.fields, record.size, record.aligned, record.bitwidth
        types.Type.__init__(self, f"row {digest(record.name)}")

    def place(self, field: str) -> str:
        """The name of all that lies in this field of any record."""
        return f"{self.name}.{field}"


class Table(types.Array):
    """An array of the state, or one within its records; ``place`` names what lies in it."""

    def __init__(self, array: Any, place: str = "") -> None:
        dtype = Row(array.dtype) if isinstance(array.dtype, types.Record) else array.dtype
        self.place = place or digest(array.name)
        super().__init__(dtype, array.ndim, "C", not array.mutable, f"table {digest(array.name + place)}", array.aligned)

    @property
    def key(self) -> Any:
        """Two of them are the same if their names are."""
        return self.name


PARTS = ("data", "shape")


class _TableModel(models.StructModel):
    """All that an access needs of an array."""

    def __init__(self, manager: Any, table: Any) -> None:
        super().__init__(manager, table, list(zip(PARTS, (types.CPointer(table.dtype), types.UniTuple(types.intp, table.ndim)), strict=True)))


extending.register_model(Row)(models.RecordModel)
extending.register_model(Table)(_TableModel)


@extending.infer_getattr
class _FieldType(AttributeTemplate):
    key = Row

    def generic_resolve(self, row: Any, name: str) -> Any:  # type: ignore[override]
        return _field_type(row, name)


@cache
def _field_type(row: Any, name: str) -> Any:
    field = row.typeof(name)
    return Table(field, row.place(name)) if isinstance(field, types.NestedArray) else field


def _field_pointer(context: Any, builder: Any, row: Any, value: Any, name: str) -> Any:
    kind = row.typeof(name)
    data = kind.dtype if isinstance(kind, types.NestedArray) else kind
    return cgutils.get_record_member(builder, value, row.offset(name), context.get_data_type(data))


def _get_field(context: Any, builder: Any, row: Any, value: Any, name: str) -> Any:
    pointer, kind = _field_pointer(context, builder, row, value, name), row.typeof(name)
    if not isinstance(kind, types.NestedArray):
        return _load(context, builder, kind, pointer, row.place(name))
    table = ir.Constant(context.get_value_type(_field_type(row, name)), ir.Undefined)
    table = builder.insert_value(table, pointer, PARTS.index("data"))
    for axis, length in enumerate(kind.shape):
        table = builder.insert_value(table, context.get_constant(types.intp, length), (PARTS.index("shape"), axis))
    return table


def _set_field(context: Any, builder: Any, sig: Any, args: Any, name: str) -> None:
    row, kind = sig.args
    field = row.typeof(name)
    value = context.cast(builder, args[1], kind, field)
    _store(context, builder, field, value, _field_pointer(context, builder, row, args[0], name), row.place(name))


def _pointer(context: Any, builder: Any, table: Any, value: Any, index_type: Any, index: Any) -> Any:
    several = hasattr(index_type, "types")
    indices = cgutils.unpack_tuple(builder, index) if several else [index]
    kinds = index_type.types if several else [index_type]
    assert len(indices) == table.ndim
    indices = [context.cast(builder, one, kind, types.intp) for one, kind in zip(indices, kinds, strict=True)]
    shape = cgutils.unpack_tuple(builder, builder.extract_value(value, PARTS.index("shape")))
    if context.enable_boundscheck:
        for axis, (one, length) in enumerate(zip(indices, shape, strict=True)):
            cgutils.do_boundscheck(context, builder, one, length, axis)
    place = indices[0]
    for one, length in zip(indices[1:], shape[1:], strict=True):
        place = builder.add(builder.mul(place, length), one)
    return builder.gep(builder.extract_value(value, PARTS.index("data")), [place])


def _get_item(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    table = sig.args[0]
    pointer = _pointer(context, builder, table, args[0], sig.args[1], args[1])
    if isinstance(table.dtype, Row):
        return builder.bitcast(pointer, context.get_value_type(table.dtype))
    return _load(context, builder, table.dtype, pointer, table.place)


def _set_item(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    table = sig.args[0]
    pointer = _pointer(context, builder, table, args[0], sig.args[1], args[1])
    value = context.cast(builder, args[2], sig.args[2], table.dtype)
    _store(context, builder, table.dtype, value, pointer, table.place)


def _load(context: Any, builder: Any, kind: Any, pointer: Any, place: str) -> Any:
    load = builder.load(pointer)
    _tag(builder, load, place)
    return context.data_model_manager[kind].from_data(builder, load)


def _store(context: Any, builder: Any, kind: Any, value: Any, pointer: Any, place: str) -> None:
    _tag(builder, builder.store(context.data_model_manager[kind].as_data(builder, value), pointer), place)


def _tag(builder: Any, access: Any, place: str) -> None:
    module, offset = builder.module, ir.Constant(ir.IntType(64), 0)
    kind = module.add_metadata([place, module.add_metadata(["state"]), offset])
    access.set_metadata("tbaa", module.add_metadata([kind, kind, offset]))


def _as_array(context: Any, builder: Any, table: Any, target: Any, value: Any) -> Any:
    array = arrayobj.make_array(target)(context, builder)
    shape = cgutils.unpack_tuple(builder, builder.extract_value(value, PARTS.index("shape")))
    itemsize = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(table.dtype)))
    strides = [itemsize]
    for length in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], length))
    data = builder.extract_value(value, PARTS.index("data"))
    arrayobj.populate_array(array, data=data, shape=shape, strides=strides, itemsize=itemsize, meminfo=None)
    return array._getvalue()


extending.lower_getattr_generic(Row)(_get_field)
extending.lower_setattr_generic(Row)(_set_field)
imputils.lower_cast(Table, types.Array)(_as_array)
for _index in (types.Integer, types.BaseTuple):
    extending.lower_builtin(operator.getitem, Table, _index)(_get_item)
    extending.lower_builtin(operator.setitem, Table, _index, types.Any)(_set_item)
