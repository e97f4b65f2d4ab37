"""Collects what the programs of a check print; pure.

Whoever writes an inventory or a playbook can print such lines, too, so each is decoded
strictly, and what is kept has a limit in bytes.
"""

from datetime import datetime

import msgspec
from attrs import define, field
from msgspec.structs import replace

from semaphore_twisted.model import limits
from semaphore_twisted.model.checks import (
    CheckedGroup,
    CheckedHost,
    CheckKind,
    CheckResult,
    CheckStatus,
    HostState,
    InventoryCheck,
    RepositoryCheck,
)
from semaphore_twisted.model.jobs import JobResult

#: Characters of a reason.
_REASON = 500

#: Lines of a step that are kept, and the beginnings of those that say nothing.
_LINES = 2
_OURS = ("Cloning Repository ", "Checkout repository to ", "Running repository ")

_STATUSES = {
    "success": CheckStatus.SUCCESS,
    "error": CheckStatus.ERROR,
    "stopped": CheckStatus.STOPPED,
}


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    """A line of one of the programs in ``jobs.check_programs``."""

    problem: str = ""
    group: str = ""
    hosts: int = 0
    host: str = ""
    groups: tuple[str, ...] = ()
    ping: str = ""
    state: HostState = HostState.UNKNOWN
    reason: str = ""
    seconds: float | None = None
    branch: str = ""
    playbook: str = ""


_DECODER = msgspec.json.Decoder(_Record)


@define
class CheckReport:
    """The report of one check; *token* begins each line of its programs."""

    kind: CheckKind
    token: str = field(repr=False)
    started: datetime
    #: bytes that may still be kept
    _room: int = field(default=limits.CHECK_NAMES, init=False)
    _truncated: bool = field(default=False, init=False)
    _problem: str = field(default="", init=False)
    _step: str = field(default="", init=False)
    #: the first lines of each step that are no records
    _lines: dict[str, list[str]] = field(factory=dict, init=False)
    commit: str | None = field(default=None, init=False)
    _groups: dict[str, CheckedGroup] = field(factory=dict, init=False)
    _hosts: dict[str, CheckedHost] = field(factory=dict, init=False)
    _branches: dict[str, None] = field(factory=dict, init=False)
    _playbooks: dict[str, None] = field(factory=dict, init=False)

    def begin(self, step: str) -> None:
        """Note that a step of the job has begun."""
        self._step = step

    def add(self, line: str) -> None:
        """Add a line of output; the lines of git are reasons if it fails."""
        token, _, text = line.partition(" ")
        if token != self.token:
            lines = self._lines.setdefault(self._step, [])
            if line.strip() and not line.startswith(_OURS) and len(lines) < _LINES:
                lines.append(line.strip()[:_REASON])
            return
        try:
            record = _DECODER.decode(text)
        except msgspec.DecodeError:
            return
        if record.problem:
            self._problem = record.problem[:_REASON]
        elif record.ping:
            self._answered(record)
        elif self._fits(record, len(text)):
            self._named(record)

    def report(self, result: JobResult | None = None) -> CheckResult:
        """Return what is known by now, or with *result* what was found in the end."""
        status, reason = CheckStatus.RUNNING, ""
        hosts = tuple(self._hosts.values())
        if result is not None:
            status = _STATUSES[result.status]
            reason = "" if status is CheckStatus.SUCCESS else self._why(result)
            hosts = tuple(
                replace(each, state=HostState.UNKNOWN)
                if each.state in {HostState.WAITING, HostState.CHECKING}
                else each
                for each in hosts
            )
        if self.kind is CheckKind.INVENTORY:
            return InventoryCheck(
                status=status,
                reason=reason,
                started=self.started,
                truncated=self._truncated,
                groups=tuple(self._groups.values()),
                hosts=hosts,
            )
        return RepositoryCheck(
            status=status,
            reason=reason,
            started=self.started,
            truncated=self._truncated,
            commit=self.commit,
            branches=tuple(self._branches),
            playbooks=tuple(self._playbooks),
        )

    def _why(self, result: JobResult) -> str:
        """Return the reason of an end: the program's, or the job's and that of git.

        What Ansible prints beside the records may quote the inventory, so it is not
        part of a reason.
        """
        if self._problem:
            return self._problem
        lines = self._lines.get(result.step, ())
        said = [each for each in lines if each not in result.reason]
        if result.step.startswith("repository") and said:
            return f"{result.reason}: {'; '.join(said)}"[:_REASON]
        return result.reason[:_REASON]

    def _fits(self, record: _Record, size: int) -> bool:
        """Return whether *record* may be kept, and count it."""
        names = (record.group, record.host, record.branch, record.playbook)
        longest = max(map(len, (*names, *record.groups)))
        if size > self._room or longest > limits.PATH:
            self._truncated = True
            return False
        self._room -= size
        return True

    def _named(self, record: _Record) -> None:
        if record.group:
            self._groups[record.group] = CheckedGroup(
                name=record.group, hosts=record.hosts
            )
        if record.host:
            self._hosts[record.host] = CheckedHost(
                name=record.host, groups=record.groups
            )
        if record.branch:
            self._branches[record.branch] = None
        if record.playbook:
            self._playbooks[record.playbook] = None

    def _answered(self, record: _Record) -> None:
        """Note what became of a host that was listed before."""
        host = self._hosts.get(record.ping)
        if host is None:
            return
        reason = record.reason[:_REASON]
        size = len(reason) - len(host.reason)
        if size > self._room:
            self._truncated, reason, size = True, "", 0
        self._room -= size
        self._hosts[record.ping] = replace(
            host, state=record.state, reason=reason, seconds=record.seconds
        )
