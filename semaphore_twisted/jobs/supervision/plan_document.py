"""The plan of a job in JSON, as ``terraform show -json`` prints it, made safe to store.

The printed document has every value of the configuration and of the state in plain
text. The document in the spool keeps its form, but has only the changes of
resources and outputs, without values that the plan marks as sensitive; known secrets
are masked in each text. The document comes from the job, so it is limited in size, and
one that cannot be read is left out.
"""

from __future__ import annotations

import json
import os

from semaphore_twisted.jobs.supervision.event_loop import Stream
from semaphore_twisted.jobs.supervision.masker import Masker
from semaphore_twisted.jobs.supervision.specification import ReadStep, expand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from semaphore_twisted.jobs.supervision.journal import Journal

    Given: TypeAlias = dict[str, object]

#: Bytes of the printed document that are read, and of the one that is written.
LONGEST_PRINTED = 8 << 20
LONGEST_WRITTEN = 3 << 20
#: Values that are read, since many small ones need much more memory than their bytes.
MOST_VALUES = 500_000
_HEADS = ("address", "previous_address", "mode", "type", "deposed", "action_reason")
_TOP = ("format_version", "terraform_version", "errored")
_PLAIN = ("actions", "replace_paths", "importing", "after_unknown")


class PlanDocument:
    """The document that a step prints."""

    def __init__(
        self, step: ReadStep, workspace: str, masker: Masker, journal: Journal
    ) -> None:
        self._own_backend = False
        if step.own_backend is not None:
            path = expand(step.own_backend, workspace, {})
            self._own_backend = os.path.lexists(path)
        self._masker = masker
        self._journal = journal
        self._data = bytearray()
        #: The standard output of the step, which is not masked before it is read.
        self.stream = Stream(Masker([]), self._take)

    def _take(self, data: bytes) -> None:
        self._data += data[: LONGEST_PRINTED + 1 - len(self._data)]

    def write(self) -> None:
        """Write the document into the spool, or why there is none into the log."""
        data, self._data = bytes(self._data), bytearray()
        values = sum(map(data.count, (b",", b"[", b"{")))
        if len(data) > LONGEST_PRINTED or values > MOST_VALUES:
            self._journal.note("The plan is too long to be listed; the log has it")
            return
        document = reduced(data, self._masked, own_backend=self._own_backend)
        if document is None:
            self._journal.note("The plan cannot be listed; the log has it")
        else:
            self._journal.plan(document)

    def _masked(self, text: str) -> str:
        data = text.encode("utf-8", "replace")
        return self._masker.mask(data).decode("utf-8", "replace")


def reduced(
    data: bytes, mask: Callable[[str], str], *, own_backend: bool
) -> bytes | None:
    """Return the document that is written; ``None`` if *data* is no plan.

    Some releases print a prefix before the document, which is skipped. Changes beyond
    the limit lose their values, and then ``shortened`` is true. *own_backend* is added.
    """
    try:
        given = json.loads(data[max(data.find(b"{"), 0) :])
        changes = [_change(each, mask) for each in given.get("resource_changes") or ()]
        outputs: Given = {
            mask(name): _sides(each, mask)
            for name, each in (given.get("output_changes") or {}).items()
        }
        made = {name: given[name] for name in _TOP if name in given}
        made["own_backend"] = own_backend
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return None
    if not isinstance(made.get("format_version"), str):
        return None
    return _limited(made, changes, outputs)


def _limited(made: Given, changes: list[Given], outputs: Given) -> bytes | None:
    """Return the document: all changes, with their values as far as there is room."""
    heads = [_without_values(each) for each in changes]
    sizes = [len(_encoded(each)) + 1 for each in heads]
    whole = {
        **made,
        "shortened": True,
        "resource_changes": [],
        "output_changes": outputs,
    }
    left = LONGEST_WRITTEN - len(_encoded(whole)) - sum(sizes)
    if left < 0:
        return None
    for number, (change, size) in enumerate(zip(changes, sizes, strict=True)):
        more = len(_encoded(change)) + 1 - size
        if more <= left:
            left -= more
            heads[number] = change
    whole["shortened"] = heads != changes
    whole["resource_changes"] = heads
    return _encoded(whole)


def _encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "replace"
    )


def _change(given: Given, mask: Callable[[str], str]) -> Given:
    """Return the change of a resource."""
    made: Given = {
        name: mask(value)
        for name in _HEADS
        if isinstance(value := given.get(name), str)
    }
    change = given["change"]
    if not isinstance(change, dict):
        raise TypeError
    made["change"] = _sides(change, mask)
    return made


def _sides(given: Given, mask: Callable[[str], str]) -> Given:
    """Return the values of a change before and after, without sensitive ones."""
    made = {name: _masked(given[name], mask) for name in _PLAIN if name in given}
    if made.get("actions") == ["no-op"]:
        return {"actions": ["no-op"], "importing": made.get("importing")}
    for side in ("before", "after"):
        # A plan without marks does not say which values are sensitive.
        marks = given.get(f"{side}_sensitive", True)
        made[f"{side}_sensitive"] = marks
        plain = _plain(given.get(side), marks, given.get("before"))
        made[side] = _masked(plain, mask)
    return made


def _without_values(change: Given) -> Given:
    """Return the change of a resource with its actions only."""
    inner = change["change"]
    actions = inner.get("actions") if isinstance(inner, dict) else None
    return {**change, "change": {"actions": actions}}


#: What stands for a sensitive value, if it is that before the change or another one.
_SAME, _OTHER = 0, 1


def _plain(value: object, marks: object, before: object) -> object:
    """Return *value* without the parts that *marks* call sensitive.

    A number stands for each of them, so that it is seen whether it differs from that of
    the value *before*.
    """
    if isinstance(value, dict) and isinstance(marks, dict):
        old = before if isinstance(before, dict) else {}
        return {
            name: _plain(each, marks.get(name), old.get(name))
            for name, each in value.items()
        }
    if isinstance(value, list) and isinstance(marks, list):
        rest = [None] * (len(value) - len(marks))
        former = before if isinstance(before, list) else []
        former = [*former, *[None] * (len(value) - len(former))]
        triples = zip(value, [*marks, *rest], former, strict=False)
        return [_plain(each, mark, old) for each, mark, old in triples]
    # A mark of another form than the value: what it means is not known.
    if value is None or not _any(marks):
        return value
    return _SAME if value == before else _OTHER


def _any(marks: object) -> bool:
    """Whether *marks* call any part sensitive."""
    if isinstance(marks, dict):
        return any(map(_any, marks.values()))
    if isinstance(marks, list):
        return any(map(_any, marks))
    return bool(marks)


def _masked(value: object, mask: Callable[[str], str]) -> object:
    """Return *value* with its texts masked, also those that JSON writes as numbers."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {mask(name): _masked(each, mask) for name, each in value.items()}
    if isinstance(value, list):
        return [_masked(each, mask) for each in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        text = json.dumps(value)
        return value if (shown := mask(text)) == text else shown
    return value
