"""Questions of DNS, and our own answers."""

import struct
from io import BytesIO
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.names import dns
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.vpn.dns.messages import (
    NoQuestion,
    Question,
    Zone,
    code_of,
    parse,
    refusal,
    renumbered,
)

ZONE = Zone("semaphore.internal", ("10.80.0.1", "fd12:3456:789a::1"))


def asked(name: str, kind: int = dns.A, *, cls: int = dns.IN, number: int = 7) -> bytes:
    """Return the message that asks for *name*."""
    message = dns.Message(number, recDes=1)
    message.queries = [dns.Query(name, kind, cls)]
    stream = BytesIO()
    message.encode(stream)
    return stream.getvalue()


def with_edns(content: bytes) -> bytes:
    """Return *content* with an OPT record, as every resolver sends it today."""
    opt = b"\0" + struct.pack("!HHIH", dns.OPT, 1232, 0, 0)
    return content[:10] + b"\0\1" + content[12:] + opt


def read(content: bytes) -> Any:
    """Return the message in *content*."""
    message = dns.Message()
    message.fromStr(content)
    return message


class ParseTests(SynchronousTestCase):
    """Parsing of queries, and the answers to invalid ones."""

    def _refused(self, content: bytes) -> bytes | None:
        with self.assertRaises(NoQuestion) as raised:
            parse(content)
        answer: bytes | None = raised.exception.answer
        return answer

    def _code(self, content: bytes) -> int:
        answer = self._refused(content)
        assert answer is not None
        message = read(answer)
        self.assertTrue(message.answer)
        self.assertEqual(message.id, 7)
        code: int = message.rCode
        return code

    def test_question(self) -> None:
        """A question is taken apart, its own spelling kept."""
        question = parse(asked("Www.Example.ORG", dns.MX))
        self.assertEqual(question.labels, (b"Www", b"Example", b"ORG"))
        self.assertEqual(question.name, (b"www", b"example", b"org"))
        self.assertEqual((question.number, question.type), (7, dns.MX))
        self.assertFalse(question.edns)

    def test_root(self) -> None:
        """The root has no label."""
        self.assertEqual(parse(asked("", dns.NS)).labels, ())

    def test_edns(self) -> None:
        """EDNS is accepted, and kept for the upstream resolver."""
        content = with_edns(asked("example.org"))
        question = parse(content)
        self.assertTrue(question.edns)
        self.assertEqual(question.content, content)

    def test_silence(self) -> None:
        """An answer, or less than a header, is not answered: no loops."""
        self.assertIsNone(self._refused(b""))
        self.assertIsNone(self._refused(b"\0" * 11))
        self.assertIsNone(self._refused(refusal(parse(asked("a.b")), dns.OK)))

    def test_malformed(self) -> None:
        """An unreadable query is a format error."""
        good = asked("example.org")
        for content in (
            good[:-1],
            good[:14],
            good[:4] + b"\0\2" + good[6:],
            good[:4] + b"\0\0" + good[6:],
            good[:6] + b"\0\1" + good[8:],
            good[:8] + b"\0\1" + good[10:],
            good[:12] + b"\xc0\x0c\0\1\0\1",
            good[:12] + b"\x40" + b"a" * 64 + b"\0\0\1\0\1",
            good[:12] + (b"\x3f" + b"a" * 63) * 4 + b"\0\0\1\0\1",
        ):
            self.assertEqual(self._code(content), dns.EFORMAT, content)

    def test_operation(self) -> None:
        """Other operations are not known."""
        good = asked("example.org")
        for operation in (1, 2, 4, 5):
            content = good[:2] + bytes([operation << 3]) + good[3:]
            self.assertEqual(self._code(content), dns.ENOTIMP)

    def test_refused(self) -> None:
        """Everything at once, and other classes, are refused."""
        for kind in (dns.AXFR, dns.IXFR, dns.ALL_RECORDS, dns.MAILA, dns.MAILB):
            self.assertEqual(self._code(asked("example.org", kind)), dns.EREFUSED)
        chaos = asked("version.bind", dns.TXT, cls=dns.CH)
        self.assertEqual(self._code(chaos), dns.EREFUSED)

    def test_no_amplification(self) -> None:
        """A refusal is no longer than the question."""
        content = asked("example.org", dns.ALL_RECORDS)
        self.assertLessEqual(len(self._refused(content) or b""), len(content))

    @given(st.binary(max_size=100))
    def test_anything(self, content: bytes) -> None:
        """No bytes are a fault."""
        try:
            question = parse(content)
        except NoQuestion:
            return
        self.assertIsInstance(question, Question)
        ZONE.answer(question)

    @given(st.binary(max_size=60))
    def test_any_name(self, tail: bytes) -> None:
        """Nor does any text of a name make one of our own answers fail."""
        content = struct.pack("!HHHHHH", 7, 0x100, 1, 0, 0, 0) + tail
        try:
            found = ZONE.answer(parse(content))
        except NoQuestion:
            return
        if found is not None:
            read(found)


class AnswerTests(SynchronousTestCase):
    """Matching of answers to queries."""

    def setUp(self) -> None:
        """Create a query."""
        self.question = parse(asked("Example.org"))
        self.good = refusal(self.question, dns.ENAME)

    def test_answer(self) -> None:
        """The id and the question must be equal, except for the case of the name."""
        self.assertEqual(code_of(self.good, self.question, 7), dns.ENAME)
        lower = refusal(parse(asked("example.ORG")), dns.OK)
        self.assertEqual(code_of(lower, self.question, 7), dns.OK)

    def test_foreign(self) -> None:
        """Anything else is not for us."""
        for content in (
            renumbered(self.good, 8),
            refusal(parse(asked("example.net")), dns.OK),
            refusal(parse(asked("example.org", dns.AAAA)), dns.OK),
            asked("example.org"),
            self.good[:20],
            b"",
            struct.pack("!HHHHHH", 7, 0x8000, 0, 0, 0, 0),
        ):
            self.assertIsNone(code_of(content, self.question, 7), content)

    def test_refusal_without_question(self) -> None:
        """Some refuse what they do not understand with a header only."""
        content = struct.pack("!HHHHHH", 7, 0x8000 | dns.EFORMAT, 0, 0, 0, 0)
        self.assertEqual(code_of(content, self.question, 7), dns.EFORMAT)


class ZoneTests(SynchronousTestCase):
    """The answers of our own zone."""

    def _answer(self, name: str, kind: int = dns.A) -> Any:
        found = ZONE.answer(parse(asked(name, kind)))
        assert found is not None
        message = read(found)
        self.assertEqual((message.id, message.rCode), (7, dns.OK))
        self.assertTrue(message.auth and message.recAv and message.recDes)
        self.assertEqual(message.queries[0].name.name, name.encode())
        return message

    def test_addresses(self) -> None:
        """The domain has the server's addresses in the tunnel."""
        (record,) = self._answer("semaphore.internal").answers
        self.assertEqual(record.payload.dottedQuad(), "10.80.0.1")
        self.assertEqual(record.ttl, 60)
        (record,) = self._answer("semaphore.internal", dns.AAAA).answers
        self.assertEqual(record.payload.address[:2], b"\xfd\x12")

    def test_case(self) -> None:
        """Names are compared without case; the question is returned unchanged."""
        self.assertEqual(len(self._answer("SEMAPHORE.Internal").answers), 1)

    def test_no_ipv6(self) -> None:
        """Without IPv6 inside there is no such record, which is no failure."""
        zone = Zone("semaphore.internal", ("10.80.0.1",))
        found = zone.answer(parse(asked("semaphore.internal", dns.AAAA)))
        message = read(found or b"")
        self.assertEqual((message.rCode, message.answers), (dns.OK, []))
        self.assertEqual(message.authority[0].type, dns.SOA)

    def test_other_types(self) -> None:
        """Queries for HTTPS records and other types have no record."""
        for kind in (dns.MX, dns.TXT, 65, 64):
            message = self._answer("semaphore.internal", kind)
            self.assertEqual(message.answers, [])
            self.assertEqual(message.authority[0].type, dns.SOA)

    def test_soa(self) -> None:
        """The domain has a start of authority."""
        (record,) = self._answer("semaphore.internal", dns.SOA).answers
        self.assertEqual(record.payload.minimum, 60)

    def test_below(self) -> None:
        """No name below the domain exists, and none leaves the server."""
        for name in ("db1.semaphore.internal", "a.b.Semaphore.INTERNAL"):
            for kind in (dns.A, dns.AAAA, dns.SRV, dns.PTR):
                found = self._in_pools(name, kind)
                assert found is not None
                self.assertEqual((found.rCode, found.answers), (dns.ENAME, []))
                self.assertEqual(found.auth, 1)
                (soa,) = found.authority
                owner = soa.name.name.lower()
                self.assertEqual((soa.type, owner), (dns.SOA, b"semaphore.internal"))
        for name in (
            "semaphore.internal.example.com",
            "xsemaphore.internal",
            "internal",
        ):
            self.assertIsNone(self._in_pools(name))

    def test_pools(self) -> None:
        """No address of a pool but the server's has a name."""
        pool6 = "0.0.0.0.a.9.8.7.6.5.4.3.2.1.d.f.ip6.arpa"
        for name in (
            "5.0.80.10.in-addr.arpa",
            "255.255.80.10.IN-ADDR.arpa",
            "7.80.10.in-addr.arpa",
            "lb._dns-sd._udp.0.7.80.10.in-addr.arpa",
            "999.7.80.10.in-addr.arpa",
            "x.5.0.0.80.10.in-addr.arpa",
            f"2.{'0.' * 15}{pool6}",
            f"f.{pool6}",
        ):
            found = self._in_pools(name, dns.PTR)
            assert found is not None, name
            self.assertEqual((found.rCode, found.answers), (dns.ENAME, []), name)
            (soa,) = found.authority
            self.assertIn(
                soa.name.name.lower(), {b"80.10.in-addr.arpa", pool6.encode()}
            )
        for name in (
            "5.0.81.10.in-addr.arpa",
            "10.in-addr.arpa",
            "in-addr.arpa",
            "ip6.arpa",
            "x.arpa",
            pool6[2:],
            "5.0.80.10.example.com",
        ):
            self.assertIsNone(self._in_pools(name, dns.PTR), name)

    def test_above(self) -> None:
        """A name above the server's own exists, so that the own one can be found."""
        for name in ("80.10.in-addr.arpa", "0.80.10.in-addr.arpa"):
            found = self._in_pools(name, dns.PTR)
            assert found is not None
            self.assertEqual((found.rCode, found.answers), (dns.OK, []))
        found = self._in_pools("1.0.80.10.in-addr.arpa", dns.PTR)
        assert found is not None
        self.assertEqual(len(found.answers), 1)

    def _in_pools(self, name: str, kind: int = dns.A) -> Any:
        """Return the answer of a zone with pools, ``None`` for none of its own."""
        zone = Zone(
            "semaphore.internal",
            ("10.80.0.1", "fd12:3456:789a::1"),
            ("10.80.0.0/16", "fd12:3456:789a::/64"),
        )
        found = zone.answer(parse(asked(name, kind)))
        return None if found is None else read(found)

    def test_reverse(self) -> None:
        """The addresses have the domain as their name."""
        name = "1.0.80.10.in-addr.arpa"
        (record,) = self._answer(name, dns.PTR).answers
        self.assertEqual(record.payload.name.name, b"semaphore.internal")
        self.assertEqual(self._answer(name, dns.TXT).answers, [])

    def test_edns(self) -> None:
        """A query with EDNS gets an answer with EDNS."""
        content = with_edns(asked("semaphore.internal"))
        found = ZONE.answer(parse(content)) or b""
        self.assertEqual(found[10:12], b"\0\1")
        self.assertEqual(found[-11:-8], b"\0\0\x29")

    def test_others(self) -> None:
        """Everything else is not ours."""
        for name in (
            "example.org",
            "internal",
            "semaphore.internal.example.org",
            "2.0.80.10.in-addr.arpa",
        ):
            self.assertIsNone(ZONE.answer(parse(asked(name))), name)

    def test_dot_in_a_label(self) -> None:
        """One label that holds a dot is not the domain."""
        content = (
            struct.pack("!HHHHHH", 7, 0x100, 1, 0, 0, 0)
            + b"\x12semaphore.internal\0\0\1\0\1"
        )
        self.assertIsNone(ZONE.answer(parse(content)))
