"""Syntax trees of source files, each parsed once for all tests of a process."""

import ast
from functools import cache
from pathlib import Path


@cache
def tree(path: Path) -> ast.Module:
    """Return the syntax tree of the Python file at ``path``; do not change the tree."""
    return ast.parse(path.read_text())


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Return all nodes of the file, as `ast.walk` gives them."""
    return tuple(ast.walk(tree(path)))
