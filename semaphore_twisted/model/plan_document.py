"""The document of ``terraform show -json PLANFILE``, read within limits.

Other fields of the document are skipped.
"""

import re
from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec
from msgspec import Raw

from semaphore_twisted.model import limits
from semaphore_twisted.model.documents import check_depth, check_values
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.plan_values import ValuePath

_NULL, _FALSE, _TRUE = Raw(b"null"), Raw(b"false"), Raw(b"true")


class RawChange(msgspec.Struct):
    """The change of a resource or output.

    A plan without marks of sensitive values does not say which values they are: all are
    sensitive then.
    """

    actions: list[str]
    before: Raw = _NULL
    after: Raw = _NULL
    after_unknown: Raw = _FALSE
    before_sensitive: Raw = _TRUE
    after_sensitive: Raw = _TRUE
    replace_paths: Raw = _NULL
    importing: Raw = _NULL

    @property
    def sides(self) -> tuple[Raw, Raw, Raw, Raw, Raw]:
        """The values, and the marks of unknown and sensitive ones."""
        return (
            *(self.before, self.after, self.after_unknown),
            *(self.before_sensitive, self.after_sensitive),
        )


class RawResource(msgspec.Struct):
    """The change of a resource or data source."""

    address: str
    change: RawChange
    type: str = ""
    mode: str = ""
    deposed: str = ""
    previous_address: str = ""
    action_reason: str = ""


class RawPlan(msgspec.Struct):
    """The whole document."""

    format_version: str
    resource_changes: list[Raw] | None = None
    output_changes: dict[str, Raw] | None = None
    errored: bool = False
    #: whether the job has left out values, to keep the document short
    shortened: bool = False
    #: whether the job has found a backend of the code
    own_backend: bool = False


#: Versions of the form that are understood; another one has a new major number.
_KNOWN = re.compile(r"[01]\.\d{1,4}", re.ASCII)

T = TypeVar("T")


def read_raw(raw: bytes | Raw, kind: type[T], what: str) -> T:
    """Return the value of *kind* in *raw*.

    :raises Invalid: if *raw* has another form, for *what*
    """
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Invalid(f"{what} is not in the form of `terraform show -json`") from None


def decoded(content: bytes) -> RawPlan:
    """Return the document in *content*; its entries are not decoded yet.

    :raises Invalid: if it is too large, or has another form
    """
    if len(content) > limits.PLAN_JSON:
        raise Invalid(
            f"The plan has {len(content)} bytes of JSON; at most {limits.PLAN_JSON} "
            "are read"
        )
    plan = read_raw(content, RawPlan, "The plan")
    if not _KNOWN.fullmatch(plan.format_version):
        raise Invalid("The plan has a version of its form that is not known")
    return plan


def check_entries(plan: RawPlan) -> None:
    """Check the number of resources and outputs of a plan.

    :raises Invalid: if there are too many
    """
    number = len(plan.resource_changes or ()) + len(plan.output_changes or ())
    if number > limits.PLAN_ENTRIES:
        raise Invalid(
            f"The plan has {number} resources and outputs; at most "
            f"{limits.PLAN_ENTRIES} are read"
        )


def paths_of(raw: Raw) -> list[ValuePath]:
    """Return the paths that make a resource be replaced."""
    if bytes(raw) == b"null":
        return []
    found = read_raw(raw, list[ValuePath], "The reason of its replacement")
    return found[: limits.PLAN_ATTRIBUTES]


def values_of(sides: Iterable[Raw]) -> Iterator[object]:
    """Yield the decoded values; their sizes, depths and forms are checked.

    :raises Invalid: if one cannot be read
    """
    for raw in sides:
        check_values(bytes(raw), "A value", limits.PLAN_VALUES)
        value = read_raw(raw, object, "A value")
        check_depth(value, "A value")
        yield value
