"""The resolver inside the tunnel, asked by a peer, with a resolver behind it."""

import time
from typing import Any

from twisted.names import dns

from tests.support.fake_resolver import ADDRESS
from tests.support.pace import in_time
from tests.support.tunnels import (
    OUTSIDE,
    OUTSIDER,
    PEER6,
    SERVER,
    SERVER6,
    STRANGER,
    Probe,
    Program,
    TunnelTestCase,
)
from tests.vpn.test_messages import asked, read, with_edns


class NameTests(TunnelTestCase):
    """Answers of the resolver to peers."""

    def setUp(self) -> None:
        """Have the tunnel up, and a resolver outside."""
        super().setUp()
        self.up()
        self.listening()
        self.client = self.probe(self.peer)

    def resolver(self, address: str = OUTSIDER) -> Program:
        """Start the resolver that the server asks."""
        made: Program = self.started(
            Program(self.outsider, "tests.support.fake_resolver", address)
        )
        return made

    def ask(
        self,
        name: str,
        kind: int = dns.A,
        *,
        client: Probe | None = None,
        host: str = SERVER,
        stream: bool = False,
        content: bytes = b"",
        **more: Any,
    ) -> Any:
        """Return the answer, ``None`` without one."""
        content = content or asked(name, kind)
        if stream:
            content = len(content).to_bytes(2, "big") + content
        found = (client or self.client).attempt(
            "tcp" if stream else "udp",
            host,
            53,
            send=content.hex(),
            **{"timeout": 4.0, **more},
        )
        if not found:
            return None
        return read(found[2:] if stream else found)

    def address(self, answer: Any) -> str:
        """Return the address in *answer*."""
        (record,) = answer.answers
        found: str = record.payload.dottedQuad()
        return found

    def test_own(self) -> None:
        """The site's name is known without any resolver, by both protocols."""
        for host in (SERVER, SERVER6):
            for stream in (False, True):
                answer = self.ask("semaphore.internal", host=host, stream=stream)
                self.assertEqual(self.address(answer), SERVER)
        answer = self.ask("semaphore.internal", dns.AAAA)
        self.assertEqual(answer.answers[0].payload.address[:2], b"\xfd\x80")

    def test_server(self) -> None:
        """The server itself is answered too."""
        answer = self.ask("semaphore.internal", client=self.probe(self.server))
        self.assertEqual(self.address(answer), SERVER)

    def test_passed_on(self) -> None:
        """Every other name is asked outside, by the protocol that the peer used."""
        resolver = self.resolver()
        other = ".".join(str(each) for each in ADDRESS)
        self.assertEqual(self.address(self.ask("www.example.org")), other)
        self.assertEqual(resolver.line(), "udp www")
        self.assertEqual(self.address(self.ask("www.example.org", stream=True)), other)
        self.assertEqual(resolver.line(), "tcp www")
        answer = self.ask("", content=with_edns(asked("www.example.org")))
        self.assertEqual(self.address(answer), other)

    def test_ipv6(self) -> None:
        """The resolver may be one of IPv6."""
        self.ip(
            self.outsider, "address", "add", "2001:db8::2/64", "dev", "eth0", "nodad"
        )
        self.ip(self.server, "address", "add", "2001:db8::1/64", "dev", "eth0", "nodad")
        self.resolv_conf.write_text("nameserver 2001:db8::2\n")
        time.sleep(1.1)
        made = self.started(
            Program(self.outsider, "tests.support.fake_resolver", "2001:db8::2")
        )
        self.assertIsNotNone(self.ask("www.example.org"))
        self.assertEqual(made.line(), "udp www")

    def test_codes(self) -> None:
        """The upstream's response code is passed on; no answer becomes SERVFAIL."""
        self.resolver()
        for name, code in (
            ("missing.example.org", dns.ENAME),
            ("failing.example.org", dns.ESERVER),
            ("silent.example.org", dns.ESERVER),
        ):
            self.assertEqual(self.ask(name).rCode, code, name)

    def test_nobody(self) -> None:
        """Where no resolver listens that is a failure, by both protocols."""
        for stream in (False, True):
            answer = self.ask("www.example.org", stream=stream)
            self.assertEqual(answer.rCode, dns.ESERVER)

    def test_long(self) -> None:
        """A long answer is truncated, so that the peer repeats the query over TCP."""
        self.resolver()
        self.assertTrue(self.ask("long.example.org").trunc)
        self.assertFalse(self.ask("long.example.org", stream=True).trunc)

    def test_forged(self) -> None:
        """Answers from other addresses, or with another id or question, are ignored."""
        self.resolver()
        other = ".".join(str(each) for each in ADDRESS)
        self.assertEqual(self.address(self.ask("forged.example.org")), other)

    def test_changed(self) -> None:
        """A changed list of resolvers is seen within a second; its own are left out."""
        self.resolv_conf.write_text(f"nameserver {SERVER}\nnameserver {SERVER6}\n")
        self.resolver()
        time.sleep(1.1)
        self.assertEqual(self.ask("www.example.org").rCode, dns.ESERVER)
        self.resolv_conf.write_text(f"nameserver {OUTSIDER}\n")
        time.sleep(1.1)
        self.assertEqual(self.ask("www.example.org").rCode, dns.OK)

    def test_outsider(self) -> None:
        """A client outside the tunnel gets no answer, even with a peer's address."""
        outsider = self.probe(self.outsider)
        name = "semaphore.internal"
        for stream in (False, True):
            sources: list[dict[str, Any]] = [
                {"host": OUTSIDE},
                {"host": SERVER},
                {"host": SERVER, "source": STRANGER},
            ]
            for more in sources:
                answer = self.ask(
                    name, client=outsider, stream=stream, timeout=0.3, **more
                )
                self.assertIsNone(answer, more)

    def test_no_peer(self) -> None:
        """An address on the tunnel outside the pools gets no answer either."""
        self.ip(self.peer, "address", "add", "172.16.0.1/24", "dev", "tunnel0")
        self.ip(self.server, "route", "add", "172.16.0.0/24", "dev", "semaphore0")
        answer = self.ask("semaphore.internal", source="172.16.0.1", timeout=0.3)
        self.assertIsNone(answer)
        self.assertIsNotNone(self.ask("semaphore.internal", host=SERVER6, source=PEER6))

    def test_recreated(self) -> None:
        """After the interface was recreated the resolver answers again."""
        self.down()
        self.up()
        begun = time.monotonic()
        while self.ask("semaphore.internal", timeout=0.1) is None:
            in_time(time.monotonic() - begun, 1.0)
        self.listening()

    def test_silent_and_quick(self) -> None:
        """A silent upstream resolver does not delay other queries."""
        self.resolver()
        for _ in range(20):
            self.client.attempt(
                "udp",
                SERVER,
                53,
                send=asked("silent.example.org").hex(),
                timeout=0.001,
            )
        begun = time.monotonic()
        self.assertIsNotNone(self.ask("semaphore.internal"))
        self.assertIsNotNone(self.ask("www.example.org"))
        in_time(time.monotonic() - begun, 0.5)
