"""``semaphore vpn backup`` and ``restore``: move the VPN to another host."""

import argparse
import getpass
import os
import sys
from pathlib import Path

import msgspec
from msgspec.structs import replace
from typing_extensions import override

from semaphore_twisted.cli import installation_database, secret_argument, table
from semaphore_twisted.cli.installation import add_options, open_installation
from semaphore_twisted.cli.paths import path_of
from semaphore_twisted.cli.target_file import check_target
from semaphore_twisted.cli.vpn import machine
from semaphore_twisted.cli.vpn import (
    settings as vpn_settings,
)
from semaphore_twisted.cli.vpn.files import CompanionDirectory
from semaphore_twisted.cli.vpn.init import add_settings
from semaphore_twisted.common import atomic_file
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.config.options import Config
from semaphore_twisted.crypto import passphrases
from semaphore_twisted.model.saved_vpn import SavedVpn
from semaphore_twisted.model.wording import sentence
from semaphore_twisted.operations.vpn import backup
from semaphore_twisted.start.certificates import saved_authority
from semaphore_twisted.start.operator_files import read_file
from semaphore_twisted.wireguard import keys
from semaphore_twisted.wireguard.settings import TunnelSettings, WrongSettings, check

_SUBJECT = "VPN"

#: The work factor of passphrases.
COST = passphrases.Cost()

#: Maximum size of a file; 20,000 peers fit.
_MOST = 64 * 1024 * 1024

_BACKUP = """\
Write the server's key, the network, peers, invites, networks behind the server, grants
and the local certificate authority (CA) to FILE, mode 0600, encrypted with a
passphrase. File and passphrase together suffice to impersonate this server: keep them
apart, and safe.
"""

_RESTORE = """\
Restore a file of `semaphore vpn backup`, on a new host too: the clients' files remain
valid if the endpoint's name leads to this host. Owners are found by login, projects by
name; devices of missing users then belong to an administrator, and missing projects of
hosts are created. Interface and open ports stay those of this host. The local CA of the
file replaces that of this host, since links of invites and devices trust it; with
--keep-authority it does not, and open links become useless.
"""


class _BackupContent(msgspec.Struct, frozen=True, kw_only=True):
    """The content of the file."""

    private_key: bytes
    settings: TunnelSettings
    vpn: SavedVpn
    #: the local CA's values; empty in files of former versions
    authority: dict[str, bytes] = {}

    @override
    def __repr__(self) -> str:
        """Omit the key."""
        return f"_BackupContent({self.vpn})"


def declare(parser: argparse.ArgumentParser, command: str) -> None:
    """Declare the options of *command*."""
    parser.description = _BACKUP if command == "backup" else _RESTORE
    parser.add_argument(
        "file", type=path_of("FILE"), metavar="FILE", help="the encrypted file"
    )
    secret_argument.add(parser, "--passphrase", help="the passphrase of the file")
    if command == "backup":
        parser.add_argument(
            "--force", action="store_true", help="replace FILE if it exists"
        )
        parser.set_defaults(run=_backup)
    else:
        parser.add_argument(
            "--replace",
            action="store_true",
            help="delete the peers, invites and grants of this host",
        )
        parser.add_argument(
            "--force",
            action="store_true",
            help="accept pools that are unusual but possible on this machine",
        )
        parser.add_argument(
            "--keep-authority",
            action="store_true",
            help="keep this host's local certificate authority",
        )
        parser.set_defaults(run=_restore)
    add_settings(parser)
    add_options(parser)


def _backup(arguments: argparse.Namespace) -> int:
    installation = open_installation(arguments)
    folder = CompanionDirectory.named(arguments.vpn_settings)
    target: Path = arguments.file
    check_target(target, installation.database, force=arguments.force)
    settings, private = folder.settings(), folder.key()
    if settings is None or private is None:
        raise CommandError(f"{folder.path}: the companion's files are not there")
    passphrase = _passphrase(arguments, twice=True)
    with installation_database.changing(
        installation, wake=False
    ) as conn:  # the event is written
        vpn, broken = backup.saved(conn, installation.keyring())
        authority, lost = saved_authority.saved(conn, installation.keyring())
        whole = _BackupContent(
            private_key=keys.decode(private),
            settings=settings,
            vpn=vpn,
            authority=authority,
        )
        if keys.public_of(whole.private_key) != vpn.network.public_key:
            raise CommandError(
                f"{folder.key_file}: this is not the key whose public half the clients "
                f"have ({keys.format(vpn.network.public_key)}); put that key back first"
            )
        sealed = passphrases.seal(
            msgspec.json.encode(whole),
            passphrase,
            subject=_SUBJECT,
            entropy=os.urandom,
            cost=COST,
        )
        try:
            atomic_file.write(target, sealed)
        except OSError as error:
            raise CommandError(f"{target}: {error.strerror}") from error
    for each in (*broken, *filter(None, (lost,))):
        print(f"semaphore: warning: {table.plain(each)}", file=sys.stderr)
    print(f"{target}: the server's key and {len(vpn.peers)} peers, {len(sealed)} bytes")
    return 0


def _restore(arguments: argparse.Namespace) -> int:
    installation = open_installation(arguments)
    folder = CompanionDirectory.named(arguments.vpn_settings)
    whole = _opened(arguments.file, _passphrase(arguments, twice=False))
    with (
        folder.exchange() as files,
        installation_database.changing(installation) as conn,
    ):
        present = folder.settings()
        user = installation.state.path.stat().st_uid
        settings = _merged(whole, present, installation.config, user)
        socket = Path(installation.config.vpn.socket)
        machine.check_interface(settings.interface, present, socket)
        before = set() if present is None else {str(each) for each in present.pools}
        machine.check_pools(
            [str(each) for each in settings.pools if str(each) not in before],
            endpoint=whole.vpn.network.endpoint,
            without=settings.interface,
            force=arguments.force,
        )
        interface = replace(whole.vpn.network, interface=settings.interface)
        restored = backup.restore(
            conn,
            installation.keyring(),
            replace(whole.vpn, network=interface),
            heir=installation_database.first_administrator(conn),
            replace=arguments.replace,
        )
        root, doubt = "", ""
        if whole.authority and not arguments.keep_authority:
            try:
                root = saved_authority.restore(
                    conn, installation.keyring(), whole.authority
                )
            except saved_authority.Unusable as error:
                doubt = str(error)
        files.key(keys.format(whole.private_key))
        files.settings(settings)
    print(f"The VPN of {whole.vpn.network.endpoint} is restored:")
    print(f"  server key {keys.format(keys.public_of(whole.private_key))}")
    print(f"  {restored.peers} peers, {restored.invites} invites")
    print(f"  {restored.sites} networks behind the server, {restored.grants} grants")
    if root:
        print(f"  the local certificate authority (CA), whose root has SHA-256 {root}")
    if doubt:
        print(
            f"semaphore: warning: {doubt}: this host's is kept, and links of invites "
            "that name the former one are of no use",
            file=sys.stderr,
        )
    for note in restored.notes:
        print(f"  {table.plain(note)}")
    print("Next:")
    print("  systemctl restart semaphore-vpn semaphore")
    print(f"  have {whole.vpn.network.endpoint} lead to this host")
    return 0


def _opened(path: Path, passphrase: str) -> _BackupContent:
    try:
        content = read_file(path, _MOST)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    opened = passphrases.unlock(content, passphrase, subject=_SUBJECT).reveal()
    try:
        whole = msgspec.json.decode(opened, type=_BackupContent)
        check(whole.settings)
    except (msgspec.DecodeError, WrongSettings) as error:
        said = str(error)
        if isinstance(error, msgspec.DecodeError):
            said = sentence(error, _BackupContent, root="its content")
        raise CommandError(
            f"{path}: a newer version of this program has written it ({said})"
        ) from None
    return whole


def _merged(
    whole: _BackupContent, present: TunnelSettings | None, config: Config, user: int
) -> TunnelSettings:
    """Return settings with the file's client side, and the rest from this host."""
    if present is None:
        settings = replace(whole.settings, users=(user,))
    else:
        settings = replace(
            present,
            users=(user,),
            port=whole.settings.port,
            mtu=whole.settings.mtu,
            addresses=whole.settings.addresses,
            sites=whole.settings.sites,
        )
    port = vpn_settings.site_port(config) or 0
    open_ = ({*settings.tcp_ports} - {settings.site_port}) | ({port} - {0})
    settings = replace(settings, tcp_ports=tuple(sorted(open_)), site_port=port)
    try:
        check(settings)
    except WrongSettings as error:
        raise CommandError(
            f"the restored settings cannot be used here: {error}"
        ) from None
    return settings


def _passphrase(arguments: argparse.Namespace, *, twice: bool) -> str:
    """Return the passphrase: from an option, or typed, twice for a new file."""
    given = secret_argument.read(arguments, "--passphrase")
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise CommandError(
            "--passphrase-file: not set; expected a file, or - for standard input"
        )
    try:
        typed = getpass.getpass("passphrase: ")
        if twice and getpass.getpass("again: ") != typed:
            raise CommandError("the two passphrases differ; nothing was written")
    except (EOFError, KeyboardInterrupt):
        raise CommandError("--passphrase-file: nothing was typed") from None
    return typed
