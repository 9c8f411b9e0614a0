"""A pydantic model with the fields of a dataclass of core, so that a machine's keys are declared once, in core."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, get_type_hints

from pydantic import BaseModel, create_model

from sweep.config import Model

T = TypeVar("T")


@cache
def model_of(owner: type) -> type[BaseModel]:
    """The strict model of a dataclass whose fields are scalars, tuples and such dataclasses."""
    hints = get_type_hints(owner)
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(owner):
        hint = hints[field.name]
        annotation = model_of(hint) if dataclasses.is_dataclass(hint) and isinstance(hint, type) else hint
        fields[field.name] = (annotation, ... if field.default is dataclasses.MISSING else field.default)
    return create_model(owner.__name__, __base__=Model, **fields)


def build(owner: type[T], mapping: Mapping[str, Any]) -> T:
    """An ``owner`` from plain values.

    Raises:
        pydantic.ValidationError: a wrong key or type.
        ValueError: a value outside its range, as ``key.path: value; allowed: ...``.
    """
    kind: type = owner
    validated = model_of(kind).model_validate_json(json.dumps(mapping))
    built: T = _build(kind, validated, "")
    return built


def _build(owner: type, validated: BaseModel, key: str) -> Any:
    hints = get_type_hints(owner)
    values = {}
    for name in type(validated).model_fields:
        value = getattr(validated, name)
        values[name] = _build(hints[name], value, f"{key}{name}.") if isinstance(value, BaseModel) else value
    try:
        return owner(**values)
    except ValueError as error:
        # core names the dataclass by its own name ("sda.read_mb_s"); a user needs the key path.
        raise ValueError(key + str(error).partition(".")[2]) from None
