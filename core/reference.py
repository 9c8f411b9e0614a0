"""State by reference: compiled functions take the address of Memory's words, not the words.

Numba passes a tuple of arrays word by word: 112 of them to each call that is not inlined, most through the stack. Here the words lie in the frame of the
entry and each function loads those it uses. They never change during a run, and the loads say so (invariant.load), so the optimiser keeps them in registers
where there are any. An index is never negative, so it is not wrapped round either.

Every table lies by itself, and so does every field of a record; loads and stores say which one they mean (LLVM's type-based alias analysis). Otherwise a
store to one page's link would make the optimiser load the watermarks again.
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

    def __init__(self, name: str, array: Any) -> None:
        self.table = name
        dtype = Row(name, array.dtype) if isinstance(array.dtype, types.Record) else array.dtype
        super().__init__(dtype, array.ndim, array.layout, not array.mutable, f"table {name} of {array.name}", array.aligned)


class Row(types.Record):
    """A record of a table."""

    def __init__(self, table: str, record: Any) -> None:
        self.table = table
        super().__init__([(field, about._asdict()) for field, about in record.fields.items()], record.size, record.aligned)
        self.name = f"row of {table} of {self.name}"


class Reference(types.Type):
    """Where a named tuple lies."""

    def __init__(self, target: Any) -> None:
        self.target = target
        super().__init__(f"reference to {target.name}")


extending.register_model(Reference)(models.OpaqueModel)
extending.register_model(Table)(models.ArrayModel)
extending.register_model(Row)(models.RecordModel)


@extending.infer_getattr
class _FieldType(AttributeTemplate):
    key = Reference

    def generic_resolve(self, reference: Any, name: str) -> Any:  # type: ignore[override]
        field = reference.target.types[reference.target.fields.index(name)]
        return Table(name, field) if isinstance(field, types.Array) else field


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
    value = arrayobj.load_item(context, builder, sig.args[0], _pointer(context, builder, sig.args[0], args[0], sig.args[1], args[1]))
    return value if isinstance(sig.args[0].dtype, Row) else _mean(builder, value, sig.args[0].table)


def _set_item(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    pointer = _pointer(context, builder, sig.args[0], args[0], sig.args[1], args[1])
    value = context.cast(builder, args[2], sig.args[2], sig.args[0].dtype)
    arrayobj.store_item(context, builder, sig.args[0], value, pointer)
    _mean(builder, builder.block.instructions[-1], sig.args[0].table)


def _get_field(context: Any, builder: Any, row: Any, value: Any, name: str) -> Any:
    found = arrayobj.record_getattr(context, builder, row, value, name)
    return found if isinstance(row.typeof(name), types.NestedArray) else _mean(builder, found, f"{row.table}.{name}")


def _set_field(context: Any, builder: Any, sig: Any, args: Any, name: str) -> None:
    arrayobj.record_setattr(context, builder, sig, args, name)
    _mean(builder, builder.block.instructions[-1], f"{sig.args[0].table}.{name}")


def _mean(builder: Any, access: Any, what: str) -> Any:
    """Say that a load or store is of ``what``, which no access of anything else can be."""
    assert isinstance(access, ir.LoadInstr | ir.StoreInstr), access
    module = builder.module
    root = module.add_metadata([ir.MetaDataString(module, "highwater")])
    kind = module.add_metadata([ir.MetaDataString(module, what), root, ir.IntType(64)(0)])
    access.set_metadata("tbaa", module.add_metadata([kind, kind, ir.IntType(64)(0)]))
    return access


extending.lower_getattr_generic(Reference)(_load_field)
imputils.lower_getattr_generic(Row)(_get_field)
imputils.lower_setattr_generic(Row)(_set_field)
imputils.lower_cast(Table, types.Array)(_as_array)
for _index in (types.Integer, types.BaseTuple):
    extending.lower_builtin(operator.getitem, Table, _index)(_get_item)
    extending.lower_builtin(operator.setitem, Table, _index, types.Any)(_set_item)
