"""Options whose value may be missing: `--rag` and `--rag=docs`, as `--color[=WHEN]` of other programs. The word behind
`--rag` is never its value."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand


def with_optional_value(*options: str) -> type[TyperCommand]:
    """Returns the class of a command to which these options alone mean the same as with an empty value."""

    class WithOptionalValue(TyperCommand):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            end = args.index("--") if "--" in args else len(args)
            before = [f"{word}=" if word in options else word for word in args[:end]]
            return super().parse_args(ctx, [*before, *args[end:]])

    return WithOptionalValue
