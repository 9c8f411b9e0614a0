"""State by reference: compiled functions take the address of Memory's words, not the words.

Numba passes a tuple of arrays word by word: 112 of them to each call that is not inlined, most through the stack. Here the words lie in the frame of the
entry and each function loads those it uses. They never change during a run, and the loads say so (invariant.load), so the optimiser keeps them in registers
where there are any.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import extending, types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.core.typing.templates import AttributeTemplate

from core.table import PARTS, Table, digest


class Reference(types.Type):
    """Where a named tuple lies."""

    def __init__(self, target: Any) -> None:
        self.target = target
        super().__init__(f"reference {digest(target.name)}")


extending.register_model(Reference)(models.OpaqueModel)


@extending.infer_getattr
class _FieldType(AttributeTemplate):
    key = Reference

    def generic_resolve(self, reference: Any, name: str) -> Any:  # type: ignore[override]
        return _field_type(reference.target, name)


@cache
def _field_type(target: Any, name: str) -> Any:
    field = target.types[target.fields.index(name)]
    if not isinstance(field, types.Array):
        return field
    assert field.layout == "C"
    return Table(field)


def _load_field(context: Any, builder: Any, reference: Any, value: Any, name: str) -> Any:
    index = reference.target.fields.index(name)
    struct = builder.bitcast(value, context.get_value_type(reference.target).as_pointer())
    kind = _field_type(reference.target, name)
    if not isinstance(kind, Table):
        return _load_words(builder, cgutils.gep_inbounds(builder, struct, 0, index))
    model = context.data_model_manager[reference.target.types[index]]
    table = ir.Constant(context.get_value_type(kind), ir.Undefined)
    for at, part in enumerate(PARTS):
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
extending.lower_getattr_generic(Reference)(_load_field)
