"""``semaphore vpn join``: this machine generates its key and enrolls itself."""

import argparse
import getpass
import os
import re
import socket
import sys
import time

from semaphore_twisted.cli.terminal import harmless
from semaphore_twisted.cli.vpn import resolver, tunnel_file, wg_quick
from semaphore_twisted.cli.vpn.enrollment import (
    Enrollment,
    EnrollmentRefused,
    EnrollmentRequest,
)
from semaphore_twisted.cli.vpn.invite_link import InviteLink
from semaphore_twisted.cli.vpn.leave import add_place
from semaphore_twisted.cli.vpn.resolver import TunnelResolver
from semaphore_twisted.cli.vpn.tunnel_file import Joined, Pending, TunnelFile
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.model.peers import Enrolled, PeerLifecycle
from semaphore_twisted.wireguard import key_pairs, keys, profile

_DESCRIPTION = """\
Enroll this machine with a link of `semaphore vpn invite`. No installation is needed.
The key is generated on this machine and does not leave it; the server's root
certificate is compared with the link's fingerprint before the token is sent.

The link is secret until it was used, and other users of a machine can see the
arguments of a command: on a shared machine, give - and paste the link. Running it
twice is harmless.
"""


def declare(parser: argparse.ArgumentParser, command: str) -> None:
    """Declare the options."""
    del command
    parser.description = _DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "link",
        metavar="LINK",
        help="https://HOST/enroll#TOKEN, in quotes; - reads it from standard input",
    )
    parser.add_argument(
        "--name", help="the name of this machine on the server (default: its host name)"
    )
    parser.add_argument(
        "--up",
        action=argparse.BooleanOptionalAction,
        help="bring the tunnel up (default: as root, if wg-quick is installed)",
    )
    add_place(parser)
    parser.set_defaults(run=_join)


def _join(arguments: argparse.Namespace) -> int:
    link = InviteLink.parse(_typed(arguments.link))
    files = TunnelFile.named(arguments.config_dir, arguments.interface)
    with files.alone():
        joined, late = _present(files, link), ""
        if joined is None:
            enrolling = Enrollment(link, time.sleep)
            joined, late = enroll(files, link, enrolling, arguments.name or host_name())
        else:
            files.settled()
            print(f"Joined already, as {joined.name}: {files.profile}")
    up = arguments.up
    if up is None:
        up = os.geteuid() == 0 and wg_quick.path() is not None
    if up:
        wg_quick.up(files)
        print(f"The tunnel {files.interface} is up; open {joined.url}")
    else:
        print(f"Next: wg-quick up {files.profile}, then open {joined.url}")
    if late:
        raise CommandError(late)
    return 0


def _typed(text: str) -> str:
    if text != "-":
        return text
    if sys.stdin.isatty():
        try:
            return getpass.getpass("link: ")
        except (EOFError, KeyboardInterrupt):
            raise CommandError("LINK: nothing was typed") from None
    return sys.stdin.readline(4096)


def _present(files: TunnelFile, link: InviteLink) -> Joined | None:
    """Return this machine's enrollment with the link, ``None`` if there is none.

    :raises CommandError: if the profile has another origin
    """
    if not files.profile.exists():
        return None
    joined = files.joined()
    if joined is None:
        raise CommandError(
            f"{files.profile} is there and was not made by this command; give another "
            "--interface"
        )
    if joined.link != link.digest:
        raise CommandError(
            f"{files.profile} is there: this machine joined {joined.url} with another "
            "link; `semaphore vpn leave` first, or give another --interface"
        )
    return joined


def enroll(
    files: TunnelFile, link: InviteLink, enrolling: Enrollment, name: str
) -> tuple[Joined, str]:
    """Generate the key, enroll, and write the profile.

    Also return why the tunnel does not carry traffic yet; empty if it does.

    :raises CommandError: if a step fails; a key is kept only if a lost response may
        have enrolled it
    """
    enrolling.trust()
    private = files.pending(link.digest)
    if private is None:
        private = key_pairs.new_pair(os.urandom).private_key
        files.keep(Pending(link=link.digest, private_key=private))
    public = keys.format(keys.public_of(private))
    try:
        answer = enrolling.redeem(
            EnrollmentRequest(token=link.token, public_key=public, name=name)
        )
    except EnrollmentRefused:
        files.settled()
        raise
    tunnel_file.check(answer.config)
    resolving = resolver.detect()
    text = resolver.adapted(answer.config, answer.domain, resolving)
    joined = Joined(
        link=link.digest,
        url=answer.url,
        domain=answer.domain,
        uuid=answer.peer.uuid,
        name=answer.peer.name,
    )
    files.enrolled(joined, profile.complete(text, private))
    _tell(answer, files, resolving)
    pending = answer.peer.state is PeerLifecycle.PENDING
    return joined, "" if answer.applied or pending else _late(answer.reason)


def _late(reason: str) -> str:
    said = f" ({harmless(reason)[:300]})" if reason else ""
    return (
        "the server has enrolled this machine, and its VPN does not let it in yet"
        f"{said}: the tunnel carries no traffic until the server's administrator has "
        "looked at `semaphore vpn doctor`"
    )


def _tell(answer: Enrolled, files: TunnelFile, resolving: TunnelResolver) -> None:
    addresses = ", ".join(filter(None, (answer.peer.ipv4, answer.peer.ipv6)))
    print(f"Joined as {answer.peer.name}, {addresses}: {files.profile}")
    if answer.peer.state is PeerLifecycle.PENDING:
        print("An administrator has to approve this peer before its traffic passes")
    servers = resolver.servers(answer.config)
    if not servers:
        return
    if resolving is TunnelResolver.NOTHING:
        print(
            "Names inside are not resolved, since neither resolvconf nor "
            f"systemd-resolved is here; put this into /etc/hosts: {servers[0]} "
            f"{answer.domain}"
        )
    elif resolving is TunnelResolver.RESOLVED:
        print(f"Names below {answer.domain} are asked of {servers[0]}, others as usual")


def host_name() -> str:
    """Return this machine's host name, without unusual characters."""
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", socket.gethostname().partition(".")[0])
    return name.strip("-.")[:60] or "machine"
