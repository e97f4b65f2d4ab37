"""The generated part of ``docs/messages.md``: error sentences and log lines.

They are read from the code with ``ast``: the arguments of exception classes, their
default sentences, and the first arguments of log calls. A value that is only known at
run time is shown as ``…``.
"""

import ast
import builtins
import re
from collections.abc import Iterator
from pathlib import Path

import semaphore_twisted

_ROOT = Path(semaphore_twisted.__file__).parent

#: Methods of a logger that write a line.
_LEVELS = ("debug", "info", "warn", "error", "critical", "failure")

#: Functions that build the sentence of an invalid value from place, value and expected.
_FORMS = ("invalid", "wrong")


#: Number of positional arguments of ``LogOnChange.log``.
_CHANGE = 3


def text() -> str:
    """Return a table for each package: module, class or level, and sentence."""
    trees = {
        path.relative_to(_ROOT).with_suffix(""): ast.parse(path.read_text())
        for path in sorted(_ROOT.rglob("*.py"))
    }
    errors = _error_classes(list(trees.values()))
    packages: dict[str, list[str]] = {}
    for path, tree in trees.items():
        rows = dict.fromkeys(_rows(tree, errors))
        name = path.parts[0] if len(path.parts) > 1 else "modules at the root"
        packages.setdefault(name, []).extend(
            f"| `{'.'.join(path.parts)}` | {kind} | {_cell(sentence)} |"
            for kind, sentence in rows
        )
    return "\n".join(
        f"## {name}\n\n| module | error or level | sentence |\n|---|---|---|\n"
        + "\n".join(rows)
        + "\n"
        for name, rows in sorted(packages.items())
        if rows
    )


def _error_classes(trees: list[ast.Module]) -> set[str]:
    """Return the names of the exception classes of the package."""
    bases = {
        node.name: {ast.unparse(each).rpartition(".")[2] for each in node.bases}
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    known = {
        name
        for name, value in vars(builtins).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    found: set[str] = set()
    while (
        more := {name for name, own in bases.items() if own & (known | found)} - found
    ):
        found |= more
    return found


def _rows(tree: ast.Module, errors: set[str]) -> Iterator[tuple[str, str]]:
    """Yield class or level, and sentence, in the order of the source."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name in errors:
            found += [(each.lineno, node.name, each) for each in _defaults(node)]
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            if name == "wrong":
                found.append((node.lineno, "WrongOption", node))
            elif name in errors and node.args:
                found.append((node.lineno, name, node.args[0]))
            elif name in _LEVELS and _is_log(node) and node.args:
                found.append((node.lineno, f"log: {name}", node.args[0]))
            elif name == "log" and len(node.args) == _CHANGE:
                level = ast.unparse(node.args[1]).rpartition(".")[2]
                found.append((node.lineno, f"log: {level}", node.args[2]))
    for _, kind, node in sorted(found, key=lambda each: each[0]):
        sentence = _sentence(node)
        if re.search("[a-z]{3}.* ", sentence):
            yield kind, sentence


def _defaults(node: ast.ClassDef) -> Iterator[ast.expr]:
    """Yield the default sentence of an exception class, if it has one."""
    for each in node.body:
        if isinstance(each, ast.Assign | ast.AnnAssign) and each.value is not None:
            targets = each.targets if isinstance(each, ast.Assign) else [each.target]
            if [ast.unparse(target) for target in targets] == ["sentence"]:
                yield each.value


def _is_log(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Attribute) and ast.unparse(
        node.func.value
    ).endswith("log")


def _sentence(node: ast.expr) -> str:
    """Return the text of an expression, with ``…`` for values."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_sentence, node.values))
    if isinstance(node, ast.FormattedValue):
        return _sentence(node.value)
    return _of_call(node) if isinstance(node, ast.Call) else "…"


def _of_call(node: ast.Call) -> str:
    """Return the sentence that a function builds, as far as it is known."""
    name = ast.unparse(node.func).rpartition(".")[2]
    if name in _FORMS and len(node.args) == 3:
        where, _, expected = map(_sentence, node.args)
        return f"{where}: invalid value …; expected {expected}"
    return '"…"' if name == "quoted" else "…"


def _cell(sentence: str) -> str:
    """Return *sentence* for a cell of a table."""
    line = " ".join(sentence.split())
    return line.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
