"""No coroutine reads on the loop what a request says: a large one would hold up all others. It goes through `aside`."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "aigw"
SAID = {"turns", "places", "other_places", "question", "tools", "images", "material"}
"""What an `Asked` reads all of a request for."""
FILES = [
    path for room in ("pipeline", "plugins", "providers", "server") for path in sorted((ROOT / room).rglob("*.py"))
]
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def read_on_the_loop(tree: ast.Module) -> list[int]:
    """The lines of coroutines that read it, or call a function of the same file that does."""
    functions = [each for each in ast.walk(tree) if isinstance(each, _FUNCTIONS)]
    readers: set[str] = set()
    for _ in functions:  # a reader may call another
        readers |= {each.name for each in functions if isinstance(each, ast.FunctionDef) and any(_reads(each, readers))}
    coroutines = (each for each in functions if isinstance(each, ast.AsyncFunctionDef))
    return [line for each in coroutines for line in _reads(each, readers)]


def _reads(function: ast.AST, readers: set[str]) -> Iterator[int]:
    for node in _own(function):
        said = isinstance(node, ast.Attribute) and node.attr in SAID and _name(node.value) == "asked"
        if said or (isinstance(node, ast.Call) and _name(node.func) in readers):
            yield node.lineno


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """What is in a function, without the functions in it."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, (*_FUNCTIONS, ast.Lambda)):
            yield from _own(child)


def _name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_large_requests_are_read_aside(path):
    lines = read_on_the_loop(ast.parse(path.read_text(encoding="utf-8")))
    assert not lines, f"{path.name}, lines {lines}: pass the function to `aside`"


def test_the_check_finds_readers():
    source = """
def one(asked): return asked.turns
def two(exchange): return one(exchange.asked)
async def three(exchange): return two(exchange), exchange.asked.images
async def four(exchange): return await aside(9, two, exchange)
"""
    assert read_on_the_loop(ast.parse(source)) == [4, 4]
