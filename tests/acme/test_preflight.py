"""Findings before a CA is called."""

from datetime import timedelta
from typing import Any

import msgspec
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.acme import preflight
from semaphore_twisted.acme.preflight import Mark, Preflight, PreflightFinding
from semaphore_twisted.acme.responses import AcmeError, AcmeResponse
from semaphore_twisted.model.acme import NO_CHALLENGE, AcmeRecord
from tests.support.memory import BEGINNING

NAME = "ci.example.org"


def preflight_of(
    *, addresses: Any = ("192.0.2.1",), answer: Any = NO_CHALLENGE, **more: Any
) -> Preflight:
    """Return a preflight in a world where the name has *addresses*."""

    def resolve(name: str) -> Any:
        if isinstance(addresses, OSError):
            raise addresses
        return addresses

    def probe(name: str, port: int) -> str:
        if isinstance(answer, OSError):
            raise answer
        return str(answer)

    fields: dict[str, Any] = {
        "names": (NAME,),
        "kind": "http-01",
        "port": 80,
        "own": frozenset({"192.0.2.1"}),
        **more,
    }
    return Preflight(resolve=resolve, probe=probe, **fields)


class NameTests(SynchronousTestCase):
    """Names, addresses and ports."""

    def check(self, found: Preflight, *wanted: tuple[Mark, str]) -> None:
        """Check the marks and the words of findings."""
        findings = found.name(NAME)
        self.assertEqual([each.mark for each in findings], [each[0] for each in wanted])
        for finding, (_, words) in zip(findings, wanted, strict=True):
            self.assertIn(words, finding.sentence)

    def test_good(self) -> None:
        """Our address, our port."""
        fine = (Mark.FINE, "port 80 of ci.example.org answers")
        self.check(preflight_of(), (Mark.FINE, "this machine"), fine)

    def test_unknown(self) -> None:
        """A name without an address is a fault with a remedy."""
        unknown = preflight_of(addresses=OSError(-2, "Name or service not known"))
        self.check(unknown, (Mark.FAULT, "give it an A or AAAA record"))

    def test_elsewhere(self) -> None:
        """Another address may be a router's: a note."""
        found = preflight_of(addresses=("192.0.2.1", "2001:db8::5"))
        note = (Mark.NOTE, "2001:db8::5 is no address of this machine")
        self.check(found, note, (Mark.FINE, "answers"))

    def test_other_program(self) -> None:
        """Another program's answer on port 80 is reported, even a similar one."""
        for answer in ("200 OK", "404 Not Found"):
            note = (Mark.NOTE, f"answered {answer}, which is not this server's")
            self.check(preflight_of(answer=answer), (Mark.FINE, ""), note)

    def test_unreachable(self) -> None:
        """A closed port is told of, and how the port here gets to be that."""
        closed = OSError(111, "Connection refused")
        found = preflight_of(answer=closed, kind="tls-alpn-01", port=3000)
        note = (Mark.NOTE, "listens on port 3000, so that 443 has to be passed on")
        self.check(found, (Mark.FINE, ""), note)


class AuthorityTests(SynchronousTestCase):
    """The directory, and the clock."""

    def check(
        self, answer: AcmeResponse | AcmeError, *, bound: bool = False
    ) -> list[PreflightFinding]:
        """Return what is found of a CA that answers so."""

        async def exchange(
            method: str, url: str, body: bytes | None = None
        ) -> AcmeResponse:
            if isinstance(answer, AcmeError):
                raise answer
            return answer

        checking = preflight.authority(
            exchange, "https://ca.test/dir", bound=bound, now=lambda: BEGINNING
        )
        return self.successResultOf(Deferred.fromCoroutine(checking))

    def answer(self, date: str = "", **meta: Any) -> AcmeResponse:
        """Return a directory."""
        urls = dict.fromkeys(("newNonce", "newAccount"), "https://ca.test/x")
        body = msgspec.json.encode(
            {**urls, "newOrder": "https://ca.test", "meta": meta}
        )
        return AcmeResponse(200, {"date": date}, body)

    def test_good(self) -> None:
        """It answers, and the clocks agree."""
        found = self.check(self.answer("Fri, 02 Jan 2026 03:05:00 GMT"))
        self.assertEqual([each.mark for each in found], [Mark.FINE] * 2)

    def test_clock(self) -> None:
        """A clock that is wrong is a fault, with by how much."""
        found = self.check(self.answer("Fri, 02 Jan 2026 01:04:05 GMT"))
        self.assertEqual(found[-1].mark, Mark.FAULT)
        self.assertIn("2:00:00 ahead of", found[-1].sentence)
        found = self.check(self.answer("Sat, 03 Jan 2026 03:04:05 GMT"))
        self.assertIn("1 day, 0:00:00 behind", found[-1].sentence)
        self.assertEqual(len(self.check(self.answer("yesterday"))), 1)

    def test_binding(self) -> None:
        """A binding that is wanted and missing is a fault."""
        answer = self.answer(externalAccountRequired=True)
        self.assertEqual(self.check(answer)[-1].mark, Mark.FAULT)
        self.assertEqual(self.check(answer, bound=True)[-1].mark, Mark.FINE)

    def test_deep(self) -> None:
        """A directory that is nested too deeply is one that cannot be understood."""
        for body in (b"[" * 9000, b'{"x":' + b"[" * 9000):
            (found,) = self.check(AcmeResponse(200, {}, body))
            self.assertEqual(found.mark, Mark.FAULT)
            self.assertEqual(AcmeResponse(400, {}, body).problem.detail, "")

    def test_unreachable(self) -> None:
        """Why there is no directory is passed on."""
        (found,) = self.check(AcmeError("ca.test: the CA cannot be reached"))
        self.assertEqual((found.mark, found.sentence[:7]), (Mark.FAULT, "ca.test"))
        self.assertIn("503", self.check(AcmeResponse(503, {}, b""))[0].sentence)
        self.assertIn(
            "understood", self.check(AcmeResponse(200, {}, b"<html>"))[0].sentence
        )


class RecordTests(SynchronousTestCase):
    """The content of the record."""

    def test_known(self) -> None:
        """Orders, the last failure, and the CA's requested delay."""
        (one,) = preflight.known(AcmeRecord(), BEGINNING)
        self.assertEqual((one.mark, one.sentence[:7]), (Mark.FINE, "0 of 20"))
        later = BEGINNING + timedelta(hours=1)
        full = replace(
            AcmeRecord(), orders=(BEGINNING,) * 20, reason="no luck", not_before=later
        )
        failure, orders, wait = preflight.known(full, BEGINNING)
        self.assertIn("no luck", failure.sentence)
        self.assertEqual(orders.mark, Mark.FAULT)
        self.assertIn("2026-01-02 04:04Z", wait.sentence)
