"""Commands with files: print a client's profile, import and export peers.

A private key that is generated here is only in the printed file.
"""

import argparse
import os
import sys

from semaphore_twisted.cli import installation_database, table
from semaphore_twisted.cli.user import duration
from semaphore_twisted.cli.vpn import running_options
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.model.documents import JsonObject
from semaphore_twisted.model.peers import Enrolled, Peer, PeerKind, PeerLifecycle
from semaphore_twisted.operations.vpn import network as vpn_network
from semaphore_twisted.operations.vpn import peers
from semaphore_twisted.operations.vpn.peers import NewPeer
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.start.operator_files import read_file
from semaphore_twisted.start.vpn import options_of
from semaphore_twisted.wireguard import addresses, key_pairs, keys, profile, serverfile

#: Maximum size of a file; 10,000 peers fit.
_MOST = 4 * 1024 * 1024


def add(arguments: argparse.Namespace) -> int:
    """Create a peer, and print its profile."""
    installation = running_options.opened(arguments)
    pair = _pair(arguments)
    expires = arguments.expires
    with installation_database.changing(installation) as conn:
        kind, owner = _whose(conn, arguments)
        enrolled = peers.create(
            conn,
            None,
            NewPeer(
                name=arguments.name,
                public_key=_public(arguments, pair),
                kind=kind,
                expires=None
                if expires in {None, "never"}
                else conn.now + duration(expires),
                tags=tuple(arguments.tag),
                grants=tuple(arguments.grant),
                **owner,
            ),
            keyring=installation.keyring(),
            options=options_of(installation.config),
            key_made_here=pair is not None,
        )
    _hand_over(enrolled, pair, as_json=arguments.json)
    return 0


def rotate(arguments: argparse.Namespace) -> int:
    """Replace a peer's key, and print its profile."""
    installation = running_options.opened(arguments)
    pair = _pair(arguments)
    with installation_database.changing(installation) as conn:
        peer = peers.find(conn, None, arguments.peer)
        enrolled = peers.rotate(
            conn,
            None,
            peer.id,
            _public(arguments, pair),
            keyring=installation.keyring(),
            options=options_of(installation.config),
            key_made_here=pair is not None,
        )
    _hand_over(enrolled, pair, as_json=arguments.json)
    return 0


def _pair(arguments: argparse.Namespace) -> key_pairs.KeyPair | None:
    return key_pairs.new_pair(os.urandom) if arguments.public_key is None else None


def _public(arguments: argparse.Namespace, pair: key_pairs.KeyPair | None) -> str:
    return keys.format(pair.public_key) if pair else str(arguments.public_key)


def _whose(
    conn: Connection, arguments: argparse.Namespace
) -> tuple[PeerKind, JsonObject]:
    """Return the requested kind and owner."""
    user, project = installation_database.owner_of(conn, arguments)
    kind = PeerKind(arguments.kind or ("host" if project is not None else "laptop"))
    if kind is PeerKind.HOST and project is None:
        raise CommandError(
            "--project: not set; expected the project that owns the host"
        )
    if user is None and project is None:
        user = installation_database.first_administrator(conn).id
    return kind, {"user_id": user, "project_id": project}


def _hand_over(
    enrolled: Enrolled, pair: key_pairs.KeyPair | None, *, as_json: bool
) -> None:
    """Print a client's profile once; only the file goes to standard output."""
    text = enrolled.config
    if pair is not None:
        text = profile.complete(text, pair.private_key)
    if as_json:
        table.print_json({"peer": enrolled.peer, "config": text, "url": enrolled.url})
        return
    if pair is None:
        _note(
            f"Put the device's own private key in place of {profile.PLACE}; there is "
            "no QR code, since that key is not known here"
        )
    else:
        _note(profile.qr_terminal(text))
        _note(
            "The file and its QR code are shown this once: the private key in them is "
            "stored nowhere. Anyone who sees them can impersonate the device"
        )
    _note(
        f"{enrolled.peer.name}, {enrolled.peer.ipv4}, of {enrolled.peer.owner}: "
        f"{enrolled.url}"
    )
    sys.stdout.write(text)


def _note(text: str) -> None:
    sys.stderr.write(text.rstrip("\n") + "\n")


def import_(arguments: argparse.Namespace) -> int:
    """Import the peers of another product's server file."""
    installation = running_options.opened(arguments)
    text = _read(arguments)  # before the transaction, which blocks the server
    with installation_database.changing(
        installation, kept=not arguments.dry_run
    ) as conn:
        network = vpn_network.get(conn, None, options_of(installation.config))
        pools = [each for each in (network.pool4, network.pool6) if each]
        file = serverfile.parse(text, pools)
        if not file.peers:
            raise CommandError(
                f"{arguments.file}: no [Peer] in the file; expected a wg-quick file"
            )
        kind, owner = _whose(conn, arguments)
        done = peers.import_(
            conn, None, file.peers, keyring=installation.keyring(), kind=kind, **owner
        )
    if arguments.dry_run:
        print("Nothing was changed; without --dry-run it would be:")
    for peer in done.added:
        print(table.plain(f"added {peer.name}, {peer.ipv4}, of {peer.owner}"))
    print(f"{len(done.added)} peers were added, {done.present} exist already")
    if file.private_key is not None:
        public = keys.format(keys.public_of(file.private_key))
        if public != network.public_key:
            _warn(
                f"clients know the server as {public}, and it is {network.public_key} "
                "here: to keep the former key, put it into the companion's "
                "private.key and run `semaphore vpn init`"
            )
    for each in file.peers:
        if each.routes:
            _warn(f"line {each.line}: {', '.join(each.routes)} is not taken over")
    return 0


def _read(arguments: argparse.Namespace) -> str:
    try:
        if str(arguments.file) == "-":
            content = sys.stdin.buffer.read(_MOST + 1)
        else:
            content = read_file(arguments.file, _MOST)
    except OSError as error:
        raise CommandError(f"{arguments.file}: {error.strerror}") from error
    if len(content) > _MOST:
        raise CommandError(f"{arguments.file}: over 4 MiB; is this a wg-quick file?")
    try:
        return str(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise CommandError(
            f"{arguments.file}: the file is not text; expected a wg-quick file"
        ) from None


def _warn(sentence: str) -> None:
    print(f"semaphore: warning: {table.plain(sentence)}", file=sys.stderr)


def export(arguments: argparse.Namespace) -> int:
    """Print the peers for other programs."""
    if arguments.preshared_keys and arguments.format != "wg":
        raise CommandError("--preshared-keys: only with --format wg")
    installation = running_options.opened(arguments)
    with installation_database.reading(installation) as conn:
        listed = peers.listed(conn, None)
        secrets = {}
        if arguments.preshared_keys:
            desired = peers.desired(conn, installation.keyring(), {})
            secrets = {
                keys.format(each.public_key): each.preshared_key
                for each in desired.peers
            }
    if arguments.format == "json":
        table.print_json(listed)
        return 0
    active = [each for each in listed if each.state is PeerLifecycle.ACTIVE]
    sys.stdout.write(
        "\n".join(_section(each, secrets.get(each.public_key)) for each in active)
    )
    return 0


def _section(peer: Peer, preshared: bytes | None) -> str:
    own = (addresses.prefix_of(each) for each in (peer.ipv4, peer.ipv6) if each)
    secret = f"PresharedKey = {keys.format(preshared)}\n" if preshared else ""
    return (
        f"[Peer]\nPublicKey = {peer.public_key}\n{secret}"
        f"AllowedIPs = {', '.join(own)}\n"
    )
