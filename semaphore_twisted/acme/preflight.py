"""Checks before an order: finds what would prevent the CA from issuing a certificate.

Only certain findings count as faults, since the CA may see the network differently from
this machine.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

from attrs import frozen

from semaphore_twisted.acme import schedule
from semaphore_twisted.acme.challenges import HTTP
from semaphore_twisted.acme.client import Directory
from semaphore_twisted.acme.exchange import AcmeTransport
from semaphore_twisted.acme.responses import AcmeError, AcmeResponse, plain
from semaphore_twisted.model.acme import NO_CHALLENGE, AcmeRecord

#: Tolerated difference between the CA's clock and this machine's.
_SKEW = timedelta(minutes=5)

#: A path below the challenges that has no valid token.
PROBE = "/.well-known/acme-challenge/semaphore-tls-check"

#: Returns the addresses of a name; raises ``OSError``.
Resolve = Callable[[str], Sequence[str]]

#: Returns the answer of this server, or the first words of another server's answer;
#: raises ``OSError``.
Probe = Callable[[str, int], str]


class Mark(StrEnum):
    """The severity of a finding; a note may be harmless."""

    FINE = "ok"
    NOTE = "note"
    FAULT = "FAULT"


@frozen
class PreflightFinding:
    """The result of one check."""

    mark: Mark
    sentence: str


@frozen
class Preflight:
    """Checks the preconditions of an order."""

    names: Sequence[str]
    kind: str
    #: port on which this machine listens for challenges
    port: int
    own: Collection[str]
    resolve: Resolve
    probe: Probe

    def name(self, name: str) -> list[PreflightFinding]:
        """Check that *name* resolves, and that this server answers there."""
        try:
            addresses = list(dict.fromkeys(self.resolve(name)))
        except OSError as error:
            reason = error.strerror or str(error)
            return [
                PreflightFinding(
                    Mark.FAULT,
                    f"{name} cannot be resolved ({reason}); give it an A or AAAA "
                    "record with this machine's public address",
                )
            ]
        foreign = [each for each in addresses if each not in self.own]
        listed = ", ".join(addresses)
        if not foreign:
            first = PreflightFinding(
                Mark.FINE, f"{name} is {listed}, which is this machine"
            )
        else:
            first = PreflightFinding(
                Mark.NOTE,
                f"{name} is {listed}, and {', '.join(foreign)} is no address of this "
                "machine: that is right only where a router or proxy passes "
                f"port {self._outer} on to here",
            )
        return [first, self._reached(name)]

    @property
    def _outer(self) -> int:
        """The port that the CA connects to (RFC 8555, 8.3, and RFC 8737, 3)."""
        return 80 if self.kind == HTTP else 443

    def _reached(self, name: str) -> PreflightFinding:
        outer = self._outer
        try:
            answered = self.probe(name, outer)
        except OSError as error:
            hint = ""
            if self.port != outer:
                hint = f"; this server listens on port {self.port}, so that {outer} has"
                hint += " to be passed on to it"
            reason = error.strerror or str(error) or "no answer"
            return PreflightFinding(
                Mark.NOTE,
                f"port {outer} of {name} cannot be reached from here ({reason}){hint}; "
                "the CA has to reach it, through any firewall",
            )
        if self.kind == HTTP and answered != NO_CHALLENGE:
            return PreflightFinding(
                Mark.NOTE,
                f"port 80 of {name} answered {plain(answered)}, which is not this "
                "server's answer: does another program have that port?",
            )
        return PreflightFinding(Mark.FINE, f"port {outer} of {name} answers")


async def authority(
    exchange: AcmeTransport, url: str, *, bound: bool, now: Callable[[], datetime]
) -> list[PreflightFinding]:
    """Check that the directory at *url* answers, and that the clocks agree."""
    try:
        answer = await exchange("GET", url)
        if answer.status != 200:
            raise answer.refusal("its directory", now())
        directory = answer.decoded(Directory, "directory")
    except AcmeError as error:
        return [PreflightFinding(Mark.FAULT, error.sentence)]
    found = [PreflightFinding(Mark.FINE, f"{url} answers")]
    if directory.meta.external and not bound:
        found.append(
            PreflightFinding(
                Mark.FAULT,
                "the CA requires external account binding; get a key "
                "from it and set acme.eab_kid and acme.eab_key",
            )
        )
    return [*found, *_clock(answer, now())]


def _clock(answer: AcmeResponse, now: datetime) -> list[PreflightFinding]:
    try:
        theirs = parsedate_to_datetime(answer.header("date"))
        off = now - theirs
    except (ValueError, TypeError):
        return []
    if abs(off) <= _SKEW:
        return [PreflightFinding(Mark.FINE, "the clock agrees with the CA's")]
    much = timedelta(seconds=round(abs(off).total_seconds()))
    way = "ahead of" if off > timedelta(0) else "behind"
    return [
        PreflightFinding(
            Mark.FAULT,
            f"this machine's clock is {much} {way} the CA's; set it right, "
            "certificates depend on it",
        )
    ]


def known(record: AcmeRecord, now: datetime) -> list[PreflightFinding]:
    """Report the stored state of this CA: failure, orders and delay."""
    findings = []
    if record.reason:
        findings.append(
            PreflightFinding(Mark.NOTE, f"the last try failed: {record.reason}")
        )
    count = len(schedule.recent_orders(record, now))
    full = schedule.may_order(record, now) > now
    findings.append(
        PreflightFinding(
            Mark.FAULT if full else Mark.FINE,
            f"{count} of {schedule.ORDERS_A_WEEK} orders were begun in the last week",
        )
    )
    wait = schedule.may_try(record, now, asked=True)
    if wait > now:
        findings.append(
            PreflightFinding(
                Mark.NOTE,
                f"the CA accepts no request before {wait:%Y-%m-%d %H:%M}Z",
            )
        )
    return findings
