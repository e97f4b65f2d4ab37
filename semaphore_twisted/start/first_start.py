"""Turns a configuration into an installation that can serve; no reactor is needed.

:func:`begin` checks and locks, and creates only empty directories. :func:`complete`
creates what is missing: key, database, local CA, first account. Existing data is not
changed.
"""

import base64
import ipaddress
import json
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from attrs import frozen
from typing_extensions import override

from semaphore_twisted.common import atomic_file
from semaphore_twisted.config import parsing as configuration
from semaphore_twisted.config.site_address import host_of
from semaphore_twisted.config.values import WrongOption
from semaphore_twisted.crypto import masterkey
from semaphore_twisted.crypto.certificates import dns_name
from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.model import accounts
from semaphore_twisted.model.errors import DomainError, Invalid, Unavailable
from semaphore_twisted.model.peers import Network
from semaphore_twisted.model.reprs import redacted
from semaphore_twisted.operations.accounts import first_account
from semaphore_twisted.operations.vault import vault
from semaphore_twisted.operations.vpn import network as vpn_network
from semaphore_twisted.persistence.ballast import Ballast
from semaphore_twisted.persistence.engine import Connection, connect, utc_now
from semaphore_twisted.persistence.migrations.migrate import migrate
from semaphore_twisted.start import installation, leftovers, operator_files, state
from semaphore_twisted.start.certificates import authority
from semaphore_twisted.start.certificates.authority import AuthorityLost, Certificates
from semaphore_twisted.start.installation import (
    EX_BUSY,
    Installation,
    InstallationRefused,
    parse_key,
)
from semaphore_twisted.start.listening import PlainHttpRefused, check_plain_http
from semaphore_twisted.start.local_addresses import own_addresses, own_names
from semaphore_twisted.start.state import ForeignDirectory, Lock, StateInUse


@frozen
class LockedInstallation:
    """A checked configuration, with exclusive use of the state directory."""

    installation: Installation
    lock: Lock
    #: the keyring, if a key is configured
    keyring: Keyring | None
    #: the environment, with name and password of the first account
    environ: Mapping[str, str]
    #: inherited sockets of the site
    given: Sequence[socket.socket] = ()

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self)


@frozen
class Account:
    """The account that this start has created."""

    login: str
    #: only if it was generated
    password: str | None

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self, "login")


@frozen
class ReadyInstallation:
    """An installation that can serve."""

    installation: Installation
    lock: Lock
    keyring: Keyring
    certificates: Certificates | None
    account: Account | None
    new_key: bool
    warnings: tuple[str, ...]
    #: the VPN's network, if there is one
    network: Network | None


def begin(
    *,
    config: Path | None,
    state_path: Path | None,
    environ: Mapping[str, str],
    given: Sequence[socket.socket] = (),
    new_database: bool = False,
) -> LockedInstallation:
    """Check configuration and keys, create the directories, take the lock.

    The site is served on the inherited sockets *given*, if there are any. With
    *new_database* the remains of an installation without a database are set aside;
    otherwise they cause a refusal.

    :raises InstallationRefused: with one sentence
    """
    current = installation.load(config=config, state=state_path, environ=environ)
    try:
        check_plain_http(current.config, given)
    except PlainHttpRefused as error:
        raise InstallationRefused(str(error)) from None
    keyring = current.keyring() if current.config.access_key_encryption else None
    for each in current.config.access_key_encryption_old:
        parse_key(each, "access_key_encryption_old")
    try:
        current.state.prepare()
        leftovers.check_writable(current)
        lock = current.lock()
    except StateInUse as error:
        raise InstallationRefused(str(error), EX_BUSY) from None
    except ForeignDirectory as error:
        raise InstallationRefused(str(error)) from None
    except OSError as error:
        raise InstallationRefused(f"{error.filename}: {error.strerror}") from None
    Ballast(current.database).make_room()
    if new_database:
        for path in leftovers.set_aside(current, utc_now()):
            sys.stderr.write(f"semaphore: set aside: {path}\n")
    else:
        leftovers.check_database(current)
    return LockedInstallation(current, lock, keyring, environ, given)


def complete(
    begun: LockedInstallation, *, terminal: bool, new_root: bool = False
) -> ReadyInstallation:
    """Create what is missing.

    A generated password is written to a file, unless there is a *terminal* to print it
    on.

    :raises InstallationRefused: with one sentence; existing data is unchanged
    """
    current = begun.installation
    try:
        migrate(current.database, utc_now)
        state.close(current.database)
        conn = connect(current.database, now=utc_now, entropy=os.urandom)
    except Unavailable as error:
        raise _unavailable(current, error) from None
    except (DomainError, OSError) as error:
        sentence = error.message if isinstance(error, DomainError) else str(error)
        raise InstallationRefused(sentence) from None
    try:
        return _complete(begun, conn, terminal=terminal, new_root=new_root)
    except Unavailable as error:
        raise _unavailable(current, error) from None
    except DomainError as error:
        raise InstallationRefused(error.message) from None
    except OSError as error:
        raise InstallationRefused(
            f"{error.filename}: {error.strerror}", EX_BUSY
        ) from None
    except (AuthorityLost, WrongOption) as error:
        raise InstallationRefused(str(error)) from None
    finally:
        conn.close()


def _unavailable(current: Installation, error: Unavailable) -> InstallationRefused:
    """Return the refusal of a start that may succeed later."""
    return InstallationRefused(f"{current.database}: {error.message}", EX_BUSY)


def _complete(
    begun: LockedInstallation, conn: Connection, *, terminal: bool, new_root: bool
) -> ReadyInstallation:
    current = begun.installation
    keyring, new_key = begun.keyring, False
    if keyring is None:
        with conn.transaction(write=False):
            vault.startup_check(conn, None)  # refuses where something is sealed
        current, new_key = _with_new_key(begun), True
        keyring = current.keyring()
    elif current.config_file is None and not current.state.config.exists():
        # The key came from the environment, and is not written to a file.
        atomic_file.write(current.state.config, b"{}\n")
    with conn.transaction(write=True):
        report = vault.startup_check(conn, keyring)
    presented = None
    if current.config.tls.enabled and current.config.tls.origin != "files":
        with conn.transaction(write=True):
            presented = certificates(conn, keyring, current, new_root=new_root)
    with conn.transaction(write=True):
        account = _first_account(begun, conn, terminal=terminal)
    with conn.transaction(write=False):
        network = vpn_network.find(conn)
    leftovers.mark(current.state)
    return ReadyInstallation(
        installation=current,
        lock=begun.lock,
        keyring=keyring,
        certificates=presented,
        account=account,
        new_key=new_key,
        warnings=(
            *current.settings.warnings,
            *report.warnings,
            *_warnings(current, presented, begun.given),
        ),
        network=network,
    )


def certificates(
    conn: Connection,
    keyring: Keyring,
    current: Installation,
    *,
    new_root: bool = False,
    next_root: bool = False,
    new_leaf: bool = False,
) -> Certificates:
    """Create or renew the certificates of the local CA; an operation.

    :raises AuthorityLost: if the CA cannot be used
    """
    names, addresses = [*own_names()], [*own_addresses()]
    for host in (
        host_of(current.config.web_host),
        *(each.strip("[]") for each in current.config.interfaces),
    ):
        if _is_address(host):
            addresses.append(host)
        elif dns_name(host):
            names.append(host)
    network = vpn_network.find(conn)
    if network is not None:
        names.append(current.config.vpn.domain)
        addresses += [each for each in (network.server4, network.server6) if each]
        endpoint = network.endpoint.rpartition(":")[0].strip("[]")
        if current.config.vpn.enroll_port:
            (addresses if _is_address(endpoint) else names).append(endpoint)
    return authority.ensure(
        conn,
        keyring,
        current.state.tls,
        names=tuple(dict.fromkeys(names)),
        addresses=tuple(dict.fromkeys(addresses)),
        new_root=new_root,
        next_root=next_root,
        new_leaf=new_leaf,
    )


def _is_address(host: str) -> bool:
    """Return whether *host* is an address that a client can use."""
    try:
        return not ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _with_new_key(begun: LockedInstallation) -> Installation:
    """Write a new key into the configuration, and return the installation with it."""
    current = begun.installation
    key = masterkey.make(os.urandom)
    path = current.config_file or current.state.config
    try:
        before = path.read_bytes() if path.exists() else b"{}\n"
        atomic_file.write(path, with_option(before, path.suffix, installation.KEY, key))
    except OSError as error:
        raise InstallationRefused(
            f"{installation.KEY}: not set, and {path} cannot be written "
            f"({error.strerror}); put 32 bytes in base64 there, made for example by: "
            f"{masterkey.COMMAND}"
        ) from None
    return installation.load(
        config=path, state=current.state.path, environ=begun.environ
    )


def with_option(content: bytes, suffix: str, name: str, value: str) -> bytes:
    """Return the *content* of a configuration file with one more option.

    The rest stays as it is.
    """
    text = content.decode("utf-8-sig")
    if suffix == ".toml":
        return f"{name} = {json.dumps(value)}\n{text}".encode()
    tree = json.loads(text)
    others = {key for key in tree if key.lower() != name}
    if len(others) < len(tree):  # it is there, and empty
        tree = {key: tree[key] for key in tree if key in others}
        return (json.dumps({name: value, **tree}, indent=2) + "\n").encode()
    head, brace, rest = text.partition("{")
    comma = "," if others else "\n"
    pair = f"{json.dumps(name)}: {json.dumps(value)}"
    return f"{head}{brace}\n  {pair}{comma}{rest}".encode()


def _first_account(
    begun: LockedInstallation, conn: Connection, *, terminal: bool
) -> Account | None:
    """Create the administrator if there is no user."""
    if first_account.any_user(conn):
        return None

    def setting(name: str) -> str | None:
        return configuration.setting(begun.environ, name, operator_files.read_file)

    password = setting("ADMIN_PASSWORD")
    least = begun.installation.config.password_min_length
    if password and len(password) < least:
        raise InstallationRefused(
            f"SEMAPHORE_ADMIN_PASSWORD: {len(password)} characters; expected at least "
            f"{least} (option: password_min_length)"
        )
    drawn = None if password else drawn_password(conn.entropy)
    login = setting("ADMIN") or "admin"
    email = setting("ADMIN_EMAIL") or (login if "@" in login else f"{login}@localhost")
    _check("SEMAPHORE_ADMIN", accounts.check_login, login)
    _check("SEMAPHORE_ADMIN_EMAIL", accounts.check_email, email)
    first_account.create(
        conn,
        username=login,
        name=setting("ADMIN_NAME") or "Administrator",
        email=email,
        password=password or drawn or "",
    )
    if drawn and not terminal:
        path = begun.installation.state.initial_password
        atomic_file.write(path, f"{drawn}\n".encode())
    return Account(login, drawn)


def _check(option: str, check: Callable[[str], None], value: str) -> None:
    """Refuse an invalid *value* from the environment, naming its *option*."""
    try:
        check(value.strip())
    except Invalid as error:
        raise InstallationRefused(
            f"{option}: {error.message.partition(': ')[2]}"
        ) from None


def drawn_password(entropy: Callable[[int], bytes]) -> str:
    """Return a random password of 120 bits without ambiguous characters."""
    text = base64.b32encode(entropy(15)).decode().lower()
    return "-".join(text[start : start + 6] for start in range(0, 24, 6))


def _warnings(
    current: Installation,
    presented: Certificates | None,
    sockets: Sequence[socket.socket],
) -> list[str]:
    warnings = []
    plain = check_plain_http(current.config, sockets)
    if plain:
        warnings.append(plain)
    file = current.config_file
    if file is not None and file.stat().st_mode & 0o077 and _holds_secret(current):
        warnings.append(
            f"{file} can be read by other users (chmod 600 {file}), and it holds "
            "secrets"
        )
    if presented is not None and presented.not_covered:
        warnings.append(
            "The local CA was not made for "
            f"{', '.join(presented.not_covered)}: clients are not answered under these "
            "names; a next root would be for them (semaphore tls renew --new-root)"
        )
    return warnings


def _holds_secret(current: Installation) -> bool:
    file = str(current.config_file)
    return any(
        each.option.secret and each.origin == file
        for each in current.settings.effective
    )
