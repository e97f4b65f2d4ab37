"""Writes what is generated from the code: ``python -m tools.documents``.

That is ``ui/openapi.json``, the source of the page's types, and parts of documents.

A generated part stands between two comments, ``<!-- generated: NAME -->`` and
``<!-- end of NAME -->``. ``tests.test_documents`` fails while a part is not what this
program would write.
"""

import re
from collections.abc import Callable
from pathlib import Path

from tools import (
    api_document,
    commands,
    configuration,
    coverage,
    messages,
    metrics,
    packages,
)

ROOT = Path(__file__).parents[1]

#: Document, name of the generated part, and the function that returns its text.
PARTS: tuple[tuple[str, str, Callable[[], str]], ...] = (
    ("docs/commands.md", "commands", commands.text),
    ("docs/configuration.md", "options", configuration.served),
    ("docs/configuration.md", "options without effect", configuration.unserved),
    ("docs/monitoring.md", "metrics", metrics.text),
    ("docs/architecture.md", "packages", packages.text),
    ("docs/messages.md", "messages", messages.text),
    ("docs/api-coverage.md", "routes", coverage.text),
)


#: The API document that the page is built from.
API_DOCUMENT = ROOT / "ui" / "openapi.json"


def fill(document: str, name: str, text: str) -> str:
    """Return *document* with *text* as its generated part *name*.

    :raises ValueError: if the document does not have the part once.
    """
    first, last = f"<!-- generated: {name} -->\n", f"<!-- end of {name} -->\n"
    if document.count(first) != 1 or document.count(last) != 1:
        raise ValueError(f"{first.strip()}: expected once, with its end")
    pattern = re.escape(first) + ".*?" + re.escape(last)
    return re.sub(
        pattern, lambda _: f"{first}\n{text}\n{last}", document, flags=re.DOTALL
    )


def main() -> None:
    """Write every part, and the API document."""
    API_DOCUMENT.write_text(api_document.text())
    for name, part, text in PARTS:
        path = ROOT / name
        path.write_text(fill(path.read_text(), part, text()))


if __name__ == "__main__":
    main()
