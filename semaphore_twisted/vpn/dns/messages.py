"""Parse DNS queries from peers, and build the server's own answers.

A query is parsed by hand, strictly, and forwarded byte for byte, so EDNS and other
options reach the upstream resolver. Our own answers are built with
``twisted.names.dns``. The module is pure.
"""

import ipaddress
import re
import struct
from collections.abc import Sequence
from io import BytesIO
from itertools import takewhile

import msgspec
from twisted.names import dns

AnyNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_OCTET = re.compile(rb"25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9]")
_NIBBLE = re.compile(rb"[0-9a-f]")

_HEADER = struct.Struct("!HHHHHH")
_TYPE_AND_CLASS = struct.Struct("!HH")

#: Bits of the header: QR (response), opcode, RD and RA (recursion desired, available).
_ANSWER, _OPERATION, _WANTED, _AVAILABLE = 0x8000, 0x7800, 0x0100, 0x0080

_OPT = b"\0\0\x29"

#: Seconds for which our own answers may be cached.
TTL = 60

#: The largest UDP message that we accept (DNS flag day 2020).
UDP_SIZE = 1232

#: Query types that return whole zones; attackers use them for amplification.
_REFUSED_TYPES = frozenset({dns.AXFR, dns.IXFR, dns.ALL_RECORDS, dns.MAILA, dns.MAILB})


class Question(msgspec.Struct, frozen=True):
    """One query; *content* is the whole message, *section* its question section."""

    content: bytes
    number: int
    flags: int
    labels: tuple[bytes, ...]
    type: int
    cls: int
    section: bytes
    edns: bool

    @property
    def name(self) -> tuple[bytes, ...]:
        """The labels in lower case."""
        return tuple(label.lower() for label in self.labels)


class NoQuestion(Exception):
    """A message cannot be answered as asked; *answer* is the refusal, if any."""

    def __init__(self, answer: bytes | None = None) -> None:
        """Keep *answer* for the caller."""
        super().__init__()
        self.answer = answer


def parse(content: bytes) -> Question:
    """Return the query in *content*.

    :raises NoQuestion: with the refusal to send.
    """
    if len(content) < _HEADER.size:
        raise NoQuestion
    number, flags, questions, answers, authorities, _ = _HEADER.unpack_from(content)
    if flags & _ANSWER:
        raise NoQuestion  # two servers that answer answers would never stop
    if flags & _OPERATION:
        raise NoQuestion(_refusal(number, flags, dns.ENOTIMP))
    if questions != 1 or answers:
        raise NoQuestion(_refusal(number, flags, dns.EFORMAT))
    try:
        labels, kind, cls, end = _section(content)
    except (IndexError, struct.error, ValueError):
        raise NoQuestion(_refusal(number, flags, dns.EFORMAT)) from None
    question = Question(
        content=content,
        number=number,
        flags=flags,
        labels=labels,
        type=kind,
        cls=cls,
        section=content[_HEADER.size : end],
        edns=content[end : end + 3] == _OPT,
    )
    if cls != dns.IN or kind in _REFUSED_TYPES:
        raise NoQuestion(refusal(question, dns.EREFUSED))
    if authorities:
        raise NoQuestion(refusal(question, dns.EFORMAT))
    return question


def _section(content: bytes) -> tuple[tuple[bytes, ...], int, int, int]:
    """Return labels, type, class and end offset of the question in *content*."""
    labels, position = [], _HEADER.size
    while length := content[position]:
        if length > 63:
            raise ValueError("a pointer, where there is nothing to point to")
        label = content[position + 1 : position + 1 + length]
        position += 1 + length
        if len(label) < length or position - _HEADER.size > 254:
            raise ValueError("a name that is too long or cut off")
        labels.append(label)
    position += 1
    kind, cls = _TYPE_AND_CLASS.unpack_from(content, position)
    return tuple(labels), kind, cls, position + _TYPE_AND_CLASS.size


def _refusal(number: int, flags: int, code: int) -> bytes:
    kept = flags & (_OPERATION | _WANTED)
    return _HEADER.pack(number, _ANSWER | kept | _AVAILABLE | code, 0, 0, 0, 0)


def refusal(question: Question, code: int) -> bytes:
    """Return the answer to *question* that has only *code*."""
    kept = question.flags & _WANTED
    header = _HEADER.pack(
        question.number, _ANSWER | kept | _AVAILABLE | code, 1, 0, 0, 0
    )
    return header + question.section


def renumbered(content: bytes, number: int) -> bytes:
    """Return the message *content* with another id."""
    return number.to_bytes(2, "big") + content[2:]


def code_of(answer: bytes, question: Question, number: int) -> int | None:
    """Return the response code of *answer*, ``None`` if it answers another query.

    It must have the id *number* and the same question; the case of the name may differ.
    """
    try:
        found, flags, questions, _, _, _ = _HEADER.unpack_from(answer)
        if found != number or not flags & _ANSWER or flags & _OPERATION:
            return None
        code: int = flags & 0xF
        if questions == 0 and code:
            return code  # some servers omit the question when they refuse it
        labels, kind, cls, _ = _section(answer)
    except (IndexError, struct.error, ValueError):
        return None
    same = (
        questions == 1
        and tuple(label.lower() for label in labels) == question.name
        and (kind, cls) == (question.type, question.cls)
    )
    return code if same else None


class Zone(msgspec.Struct, frozen=True):
    """Names that we answer ourselves: *domain* and reverse names of *addresses*.

    All other names below the domain, and the other reverse names of *pools*, do not
    exist: queries for internal names and addresses are not forwarded to other
    resolvers.
    """

    domain: str
    addresses: tuple[str, ...]
    pools: tuple[str, ...] = ()

    def answer(self, question: Question) -> bytes | None:
        """Return the answer to *question*, ``None`` if the name is not in the zone."""
        name = question.name
        own = tuple(self.domain.lower().encode().split(b"."))
        if name == own:
            return self._message(question, self._records(question.type))
        known = [_reverse(address) for address in self.addresses]
        if name in known:
            found = [dns.Record_PTR(self.domain, TTL)]
            return self._message(question, found if question.type == dns.PTR else [])
        if name[-len(own) :] == own:
            return self._message(question, [], code=dns.ENAME, apex=len(own))
        network = _network(name)
        apex = next((_apex(each) for each in self.pools if _holds(each, network)), 0)
        if not apex:
            return None
        # a name exists if a name below it exists (RFC 8020)
        above = any(each[-len(name) :] == name for each in known)
        code = dns.OK if above else dns.ENAME
        return self._message(question, [], code=code, apex=apex)

    def _records(self, kind: int) -> list[dns.IEncodableRecord]:
        made = {dns.A: (4, dns.Record_A), dns.AAAA: (6, dns.Record_AAAA)}.get(kind)
        if made is None:
            return [self._soa()] if kind == dns.SOA else []
        version, record = made
        return [
            record(address, TTL)
            for address in self.addresses
            if ipaddress.ip_address(address).version == version
        ]

    def _soa(self) -> dns.Record_SOA:
        return dns.Record_SOA(
            mname=self.domain,
            rname=f"hostmaster.{self.domain}",
            serial=1,
            refresh=3600,
            retry=600,
            expire=86400,
            minimum=TTL,
            ttl=TTL,
        )

    def _message(
        self,
        question: Question,
        records: Sequence[dns.IEncodableRecord],
        code: int = dns.OK,
        apex: int = 0,
    ) -> bytes:
        """Return an answer with *records*, or a negative answer with an SOA (RFC 2308).

        *code* is the response code; *apex* is the number of labels of the zone's name.
        """
        name = b".".join(question.labels)
        message = dns.Message(
            question.number,
            answer=1,
            auth=True,
            recDes=bool(question.flags & _WANTED),
            recAv=1,
            rCode=code,
        )
        message.queries = [dns.Query(name, question.type, question.cls)]
        message.answers = [
            dns.RRHeader(name, question.type, ttl=TTL, payload=record, auth=True)
            for record in records
        ]
        if not records:
            message.authority = [
                dns.RRHeader(
                    b".".join(question.labels[-apex:]),
                    dns.SOA,
                    ttl=TTL,
                    payload=self._soa(),
                    auth=True,
                )
            ]
        if question.edns:
            message.additional = [
                dns.RRHeader(
                    b"", dns.OPT, cls=UDP_SIZE, ttl=0, payload=dns.UnknownRecord(b"")
                )
            ]
        stream = BytesIO()
        message.encode(stream)
        return stream.getvalue()


def _reverse(address: str) -> tuple[bytes, ...]:
    pointer = ipaddress.ip_address(address).reverse_pointer
    return tuple(pointer.encode().split(b"."))


def _network(name: tuple[bytes, ...]) -> AnyNetwork | None:
    """Return the network that the reverse *name* stands for, ``None`` for other names.

    Labels in front of an address, as in queries of service discovery, are ignored.
    """
    if name[-2:] == (b"in-addr", b"arpa"):
        return _network4(name[-3::-1][:4])
    if name[-2:] == (b"ip6", b"arpa"):
        return _network6(name[-3::-1][:32])
    return None


def _network4(labels: tuple[bytes, ...]) -> AnyNetwork:
    octets = list(takewhile(_OCTET.fullmatch, labels))
    text = b".".join([*octets, *[b"0"] * (4 - len(octets))]).decode()
    return ipaddress.IPv4Network((text, 8 * len(octets)))


def _network6(labels: tuple[bytes, ...]) -> AnyNetwork:
    digits = b"".join(takewhile(_NIBBLE.fullmatch, labels))
    number = int(digits.ljust(32, b"0"), 16)
    return ipaddress.IPv6Network((number, 4 * len(digits)))


def _holds(pool: str, network: AnyNetwork | None) -> bool:
    """Whether *network* is given and within the network *pool*."""
    whole = ipaddress.ip_network(pool)
    if isinstance(network, ipaddress.IPv4Network):
        return isinstance(whole, ipaddress.IPv4Network) and network.subnet_of(whole)
    if isinstance(network, ipaddress.IPv6Network):
        return isinstance(whole, ipaddress.IPv6Network) and network.subnet_of(whole)
    return False


def _apex(pool: str) -> int:
    """Return the number of labels of the reverse zone of *pool*."""
    network = ipaddress.ip_network(pool)
    return network.prefixlen // (8 if network.version == 4 else 4) + 2
