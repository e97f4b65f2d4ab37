"""Syntax checks of static inventories (pure functions).

Only text that Ansible would certainly refuse is refused here, according to the parsers
``ansible.builtin.ini`` and ``ansible.builtin.yaml``.
"""

import re

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.inventories import (
    BYTE_ORDER_MARK,
    WORKSPACES,
    InventoryType,
)
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.terraform import check_workspace

_SECTION = re.compile(r"\[(?P<group>[^:\]\s]+)(:(?P<kind>\w+))?\]\s*(#.*)?")
_KINDS = ("children", "hosts", "vars")
_TAB = re.compile(r" *\t\s*(- |[^\s#])")


def checked_text(kind: str, text: str) -> str:
    """Return the text of an inventory without a byte order mark.

    :raises Invalid: naming the line that Ansible cannot read
    """
    if kind in WORKSPACES:
        return check_workspace(text)
    plain = text.removeprefix(BYTE_ORDER_MARK)
    if kind == InventoryType.STATIC:
        _check_sections(plain)
    elif kind == InventoryType.STATIC_YAML:
        _check_indentation(plain)
    return plain


def _check_sections(text: str) -> None:
    for number, line in enumerate(text.splitlines(), 1):
        written = line.strip()
        if not written.startswith("["):
            continue
        match = _SECTION.fullmatch(written)
        if match is None:
            raise Invalid(
                f"inventory: line {number}: invalid section {quoted(written)}; expected"
                " [group], [group:children] or [group:vars], without spaces"
            )
        if match["kind"] not in {None, *_KINDS}:
            raise Invalid(
                f"inventory: line {number}: invalid kind of section"
                f" {quoted(match['kind'])}; expected {', '.join(_KINDS)}"
            )


def _check_indentation(text: str) -> None:
    before = ""
    for number, line in enumerate(text.splitlines(), 1):
        # Tabs are permitted inside a multi-line text, but never below a key.
        if before.endswith(":") and _TAB.match(line):
            raise Invalid(
                f"inventory: line {number}: a tab in the indentation; YAML accepts"
                " spaces only"
            )
        if line.strip():
            before = line.split(" #")[0].rstrip()
