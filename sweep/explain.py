"""Turn a pydantic validation error into the one line that a user reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sweep.errors import ConfigError, shown

KINDS: Final = {
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "dataclass_type": "a mapping",
    "model_attributes_type": "a mapping",
}
BOUNDS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "greater_than_equal": lambda c: f">= {c['ge']}",
    "greater_than": lambda c: f"> {c['gt']}",
    "less_than_equal": lambda c: f"<= {c['le']}",
    "less_than": lambda c: f"< {c['lt']}",
    "literal_error": lambda c: str(c["expected"]).replace("'", ""),
    "union_tag_invalid": lambda c: str(c["expected_tags"]).replace("'", ""),
    "too_short": lambda c: f"at least {c['min_length']} entries",
    "too_long": lambda c: f"at most {c['max_length']} entries",
    "string_too_short": lambda c: f"at least {c['min_length']} characters",
    "string_too_long": lambda c: f"at most {c['max_length']} characters",
    "string_pattern_mismatch": lambda c: f"text matching {c['pattern']}",
}


def key_path(location: tuple[str | int, ...]) -> str:
    """``("axes", 0, "values")`` as ``axes[0].values``."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def explain(error: ValidationError, source: Path | str, model: type[BaseModel] | None = None, prefix: str = "") -> ConfigError:
    """The first problem as ``file: key.path: value; allowed: ...``, with the number of further ones.

    Args:
        error: what pydantic found.
        source: the file or option to name.
        model: where known, gives the allowed keys of a wrong key.
        prefix: key path of the validated mapping inside the file.
    """
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return ConfigError(f"{source}: {problem_line(first_problem(error), model, prefix)}{more}")


def first_problem(error: ValidationError) -> ErrorDetails:
    """The problem to tell: a misspelt key makes its right spelling "missing" too, and is the better message."""
    return min(error.errors(include_url=False), key=lambda problem: problem["type"] != "extra_forbidden")


def problem_line(problem: ErrorDetails, model: type[BaseModel] | None = None, prefix: str = "") -> str:
    """``key.path: value; allowed: ...`` for one problem."""
    kind, context = problem["type"], problem.get("ctx", {})
    location = tuple(part for part in problem["loc"] if not (isinstance(part, str) and ("[" in part or part in ("str", "dict"))))
    key = key_path((prefix, *location) if prefix else location)
    if kind == "missing":
        return f"{key}: missing; allowed: this key is required"
    if kind in ("value_error", "assertion_error"):
        return f"{key}: {context.get('error', problem['msg'])}" if key else str(context.get("error", problem["msg"]))
    if kind == "extra_forbidden":
        parent = _model_at(model, location[:-1])
        known = ", ".join(sorted(parent.model_fields)) if parent else "no such key"
        return f"{key}: unknown key; allowed: {known}"
    allowed = KINDS.get(kind) or (BOUNDS[kind](context) if kind in BOUNDS else problem["msg"])
    return f"{key}: {shown(problem['input'])}; allowed: {allowed}"


def _model_at(model: type[BaseModel] | None, location: tuple[str | int, ...]) -> type[BaseModel] | None:
    """The model that validates the mapping at ``location``, as far as the annotations tell."""
    named = False  # the next part is a key of a mapping of models
    for part in location:
        if model is None or isinstance(part, int) or named:
            named = False
            continue
        field = model.model_fields.get(part)
        named = field is not None and get_origin(field.annotation) is dict
        model = _first_model(field.annotation) if field else None
    return model


def _first_model(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _first_model(argument)
        if found:
            return found
    return None
