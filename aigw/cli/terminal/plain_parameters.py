"""Parameters whose plain values (a text, a number, a file, a choice) become what a command gets without pydantic.

typer 0.29 converts every value with it, defaults too; importing it takes as long as all of typer, and 13 MiB that a
gateway would keep. A value that is not plainly right is left to typer, which says what is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, get_args, get_origin


def with_plain_parameters(command: Any) -> Any:
    """Gives the command, or the group with its commands, such parameters, and returns it."""
    command.get_params = partial(_parameters, command.get_params)
    for each in getattr(command, "commands", {}).values():
        with_plain_parameters(each)
    return command


def _parameters(get: Callable[[Any], list[Any]], context: Any) -> list[Any]:
    return made_plain(get(context))


def made_plain(parameters: list[Any]) -> list[Any]:
    for parameter in parameters:
        from_pydantic = hasattr(parameter, "type_descriptor")  # earlier typers convert with what they have loaded
        if from_pydantic and "process_value" not in vars(parameter):
            parameter.process_value = partial(_processed, parameter, parameter.process_value)
    return parameters


def _processed(parameter: Any, process: Callable[[Any, Any], Any], context: Any, value: Any) -> Any:
    described = parameter.type_descriptor
    if parameter.required and value in (None, ()):
        return process(context, value)
    try:
        found = plain_value(described.annotation, value, described.parameter_info)
    except ValueError:
        return process(context, value)
    return parameter.callback(context, parameter, found) if parameter.callback is not None else found


def plain_value(annotation: Any, value: Any, limits: Any) -> Any:
    """Returns `value` as the type that is annotated. `limits` has `min` and `max`, None for none. Raises ValueError
    where typer must look at it."""
    if get_origin(annotation) is list:
        (each,) = get_args(annotation)
        return [plain_value(each, one, limits) for one in value or ()]
    if value is None:
        return None
    found = value if isinstance(value, annotation) else _converted(annotation, value)
    if annotation in (int, float) and not _lies_between(limits.min, found, limits.max):
        raise ValueError(f"{found} is outside")
    return found


def _converted(annotation: Any, value: Any) -> Any:
    text = isinstance(value, str)
    if text and annotation is Path and (os.access(value, os.R_OK) or not os.path.lexists(value)):
        return Path(value)
    if text and (issubclass(annotation, Enum) or annotation in (int, float)):
        return annotation(value)
    raise ValueError(f"{value!r} is not plainly a {annotation}")


def _lies_between(least: float | None, number: float, most: float | None) -> bool:
    return (least is None or least <= number) and (most is None or number <= most)
