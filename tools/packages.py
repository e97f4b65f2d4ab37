"""The generated part of ``docs/architecture.md``: the packages and what they import."""

import ast
from collections.abc import Iterator
from pathlib import Path

import semaphore_twisted

_ROOT = Path(semaphore_twisted.__file__).parent
_NAME = semaphore_twisted.__name__

#: Libraries that are named, because few packages may import them.
_LIBRARIES = ("twisted", "sqlalchemy", "autobahn", "cryptography", "nacl")


def text() -> str:
    """Return a row for each package and each module beside them."""
    names: dict[str, list[Path]] = {}
    for path in sorted(_ROOT.rglob("*.py")):
        part = path.relative_to(_ROOT).parts[0]
        names.setdefault(_row_of(part), []).append(path)
    names.pop("__init__")
    rows = "\n".join(_row(name, paths) for name, paths in sorted(names.items()))
    head = "| package | purpose | imports | libraries |\n|---|---|---|---|"
    return f"{head}\n{rows}\n"


def _row_of(part: str) -> str:
    """Return the row of a file; the modules of the configuration share one."""
    name = part.removesuffix(".py")
    return "config" if name.startswith("config") else name


def _row(name: str, paths: list[Path]) -> str:
    imported = {each for path in paths for each in _imports(path)}
    own = {
        _row_of(each.split(".")[1]) for each in imported if each.startswith(_NAME + ".")
    }
    own -= {name, "__version__"}
    libraries = [
        each
        for each in _LIBRARIES
        if any(found.split(".")[0] == each for found in imported)
    ]
    return (
        f"| `{name}` | {_purpose(name)} | {_listed(sorted(own))} "
        f"| {_listed(libraries)} |"
    )


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == _NAME:
            yield from (f"{_NAME}.{each.name}" for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _purpose(name: str) -> str:
    """Return the first line of the docstring, in Markdown."""
    package, module = _ROOT / name / "__init__.py", _ROOT / f"{name}.py"
    path = package if package.exists() else module
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    line = docstring.partition("\n")[0].replace("``", "`").replace(":class:", "")
    return line.replace("|", "\\|")


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{each}`" for each in names)
