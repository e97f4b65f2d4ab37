"""The generated part of ``docs/monitoring.md``: the metrics, read from the code."""

import ast
from collections.abc import Iterator
from pathlib import Path

from semaphore_twisted.web.api import system, vpn_metrics

#: Functions that make a metric: the prefix of its name, and its usual type.
_MAKERS = {
    "Metric": ("", ""),
    "_one": ("semaphore_vpn_", "counter"),
    "gauge": ("semaphore_vpn_", "gauge"),
}


def text() -> str:
    """Return the table of metrics."""
    rows = "\n".join(
        f"| `{name}` | {kind} | {help_} |"
        for module in (system, vpn_metrics)
        for name, kind, help_ in _metrics(Path(str(module.__file__)))
    )
    return f"| metric | type | |\n|---|---|---|\n{rows}\n"


def _metrics(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield name, type and help of each metric that the module at *path* makes."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        texts = [
            each.value
            for each in node.args
            if isinstance(each, ast.Constant) and isinstance(each.value, str)
        ]
        prefix, kind = _MAKERS.get(node.func.id, ("", ""))
        if node.func.id == "Metric" and len(texts) == 3:
            yield texts[0], texts[1], texts[2]
        elif kind and len(texts) == 2:
            yield prefix + texts[0], kind, texts[1]
