"""The files that a supervisor writes: records of output, and the result.

``SPOOL/output`` is a sequence of records (see ``supervision.records``), each with
length and checksum, so that a record that was cut off by a crash is recognized. A
record ends at the end of a line, unless its kind is ``PART``: only an offset after such
a record is inside a line. ``SPOOL/result`` is one JSON object, a :class:`JobResult`.
"""

import msgspec
from typing_extensions import override

from semaphore_twisted.jobs.supervision.records import (
    HEADER,
    LONGEST,
    RecordKind,
    SpoolRecord,
    decode,
    encode,
)
from semaphore_twisted.model.jobs import JobResult
from semaphore_twisted.model.reprs import redacted
from semaphore_twisted.model.results import (
    ApprovalAsked,
    ApprovalPassed,
    Report,
    ReportsDropped,
)

__all__ = [
    "HEADER",
    "LONGEST",
    "RecordKind",
    "SpoolRecord",
    "approval",
    "decode",
    "encode",
    "fact",
    "report",
    "result",
    "step",
]


class _Fact(msgspec.Struct, frozen=True):
    """Body of a record of the kind ``fact``."""

    name: str
    value: str


class _Step(msgspec.Struct, frozen=True):
    """Body of a record of the kind ``step``."""

    name: str


class _Approval(msgspec.Struct, frozen=True):
    """Body of a record of the kind ``approval``."""

    token: str = ""
    until: float = 0
    passed: bool = False

    @override
    def __repr__(self) -> str:
        """Show no token."""
        return redacted(self, "until", "passed")


_RESULT = msgspec.json.Decoder(JobResult)
_FACT = msgspec.json.Decoder(_Fact)
_STEP = msgspec.json.Decoder(_Step)
_APPROVAL = msgspec.json.Decoder(_Approval)
_REPORT: msgspec.json.Decoder[Report] = msgspec.json.Decoder(Report)


def result(data: bytes) -> JobResult:
    """Decode ``SPOOL/result``.

    :raises ValueError: if it is not a valid result.
    """
    return _RESULT.decode(data)


def fact(body: bytes) -> tuple[str, str]:
    """Decode the name and the value of a fact."""
    decoded = _FACT.decode(body)
    return decoded.name, decoded.value


def step(body: bytes) -> str:
    """Decode the name of a step."""
    return _STEP.decode(body).name


def approval(body: bytes) -> ApprovalAsked | ApprovalPassed:
    """Decode that a job waits for an approval, or that it has it."""
    decoded = _APPROVAL.decode(body)
    if decoded.passed:
        return ApprovalPassed()
    return ApprovalAsked(decoded.token, decoded.until)


def report(body: bytes) -> Report:
    """Decode a report of the job; a malformed one counts as dropped."""
    try:
        return _REPORT.decode(body)
    except (ValueError, RecursionError):
        return ReportsDropped(1)
