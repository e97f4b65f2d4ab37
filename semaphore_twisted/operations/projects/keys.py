"""Operations on access keys; no result contains a secret."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from typing_extensions import override

from semaphore_twisted.crypto import clientcertificates, keychecks, privatekeys
from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.crypto.privatekeys import PrivateKey
from semaphore_twisted.model import limits, texts
from semaphore_twisted.model.errors import Invalid, NotFound, at_field
from semaphore_twisted.model.ids import KeyId, ProjectId
from semaphore_twisted.model.keys import (
    AccessKey,
    CheckedSecret,
    ClientCertificate,
    ClientCertificateFields,
    KeyKind,
    KeyType,
    KeyUse,
    LoginPassword,
    LoginPasswordFields,
    NoSecret,
    OpenedSecret,
    SshFields,
    SshKey,
    Text,
)
from semaphore_twisted.model.logins import check_login, check_option
from semaphore_twisted.model.refusals import invalid
from semaphore_twisted.model.texts import Name, Secret, Unserved
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import events
from semaphore_twisted.operations.projects.references import (
    Reference,
    References,
    check_name,
    named,
    project_of,
    refuse_if_used,
)
from semaphore_twisted.operations.projects.sealing import seal
from semaphore_twisted.persistence.engine import Connection, Statement
from semaphore_twisted.persistence.schema import access_key
from semaphore_twisted.persistence.statements.projects import keys as statements
from semaphore_twisted.persistence.statements.webhooks import (
    integrations as of_integrations,
)


class NewAccessKey(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request that creates or changes a key."""

    name: Name = ""
    type: Name = ""
    string: Secret = ""
    login_password: LoginPasswordFields = LoginPasswordFields()
    ssh: SshFields = SshFields()
    client_certificate: ClientCertificateFields = ClientCertificateFields()
    override_secret: bool = False
    storage_id: Unserved = None
    source_storage_id: Unserved = None
    source_storage_key: Unserved = None
    source_storage_type: Unserved = None

    @override
    def __repr__(self) -> str:
        """Show only name and type."""
        return f"NewKey(name={self.name!r}, type={self.type!r})"


class _KeyInList(msgspec.Struct, frozen=True, kw_only=True):
    id: KeyId
    name: str
    type: KeyType
    project_id: ProjectId
    sealed: bool
    fault: str | msgspec.UnsetType = msgspec.UNSET


class NewGeneratedKey(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request that generates an SSH key."""

    name: Name = ""
    login: Name = ""
    kind: KeyKind = KeyKind.ED25519


class GeneratedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was generated here; its private half is never shown."""

    id: KeyId
    name: str
    type: KeyType
    project_id: ProjectId
    kind: KeyKind
    #: the public half, a line for ``authorized_keys``
    public_key: str
    fingerprint: str


class KeyHolder(Reference, frozen=True, kw_only=True):
    """An inventory or a repository that uses a key, and the templates that use it."""

    templates: tuple[Reference, ...] = ()


class KeyUsage(References, frozen=True, kw_only=True):
    """Who uses a key, and since when its secret is as it is.

    *changed* is the time at which the secret was last set, *last_used* that of the last
    job that received it; null if that is not known or never happened. *last_used_by*
    says whether that job was a run or a check; null if it is not known. *public_key*
    and *fingerprint* are those of an SSH key that was set since version 0.3.
    """

    inventories: tuple[KeyHolder, ...] = ()
    repositories: tuple[KeyHolder, ...] = ()
    changed: datetime | None = None
    last_used: datetime | None = None
    last_used_by: KeyUse | None = None
    public_key: str | None = None
    fingerprint: str | None = None


class KeySummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a list of keys shows of one key, beside its name.

    *kind*, *bits* and *fingerprint* are those of an SSH key, *changed*, *last_used* and
    *last_used_by* as in ``KeyUsage``; null if not known. *templates*, *inventories*,
    *repositories* and *integrations* are the numbers of objects that use the key.
    """

    id: KeyId
    kind: KeyKind | None
    bits: int | None
    fingerprint: str | None
    changed: datetime | None
    last_used: datetime | None
    last_used_by: KeyUse | None
    templates: int
    inventories: int
    repositories: int
    integrations: int


class _KeyRowOfOverview(msgspec.Struct, frozen=True, kw_only=True):
    id: KeyId
    public_key: str | None
    changed: datetime | None
    last_used: datetime | None
    last_used_by: KeyUse | None
    templates: int
    inventories: int
    repositories: int
    integrations: int


class _Indirect(Reference, frozen=True, kw_only=True):
    """A template that uses a key *through* another object."""

    through: int


class _Facts(msgspec.Struct, frozen=True, kw_only=True):
    changed: datetime | None
    last_used: datetime | None
    last_used_by: KeyUse | None
    public_key: str | None


def opened(new: NewAccessKey) -> CheckedSecret:
    """Return the checked secret of *new*; a private key is converted to one form.

    Decrypting a key with a passphrase is slow; this needs no database.

    :raises Invalid: with the reason why the secret is not usable
    """
    check_name(new.name, "name can not be empty")
    if new.type == KeyType.SSH:
        if not new.ssh.private_key.strip():
            raise Invalid("private key can not be empty", field="ssh.private_key")
        check_login(new.ssh.login, "ssh.login")
        with at_field("ssh.private_key"):
            key = privatekeys.normalise(new.ssh.private_key, new.ssh.passphrase)
        return _stored(key, new.ssh.login)
    return CheckedSecret(secret=_opened(new))


def generated(new: NewGeneratedKey) -> CheckedSecret:
    """Return a new SSH key; this needs no database.

    :raises Invalid: if name or login cannot be stored
    """
    check_name(new.name, "name can not be empty")
    check_login(new.login, "login")
    return _stored(privatekeys.generate(new.kind), new.login)


def _stored(key: PrivateKey, login: str) -> CheckedSecret:
    secret = SshKey(login=login, private_key=key.openssh.decode())
    return CheckedSecret(secret=secret, public_key=key.public)


def _opened(new: NewAccessKey) -> OpenedSecret:
    """Return the checked secret of *new*, which is no SSH key.

    :raises Invalid: with the reason why the secret is not usable
    """
    match new.type:
        case KeyType.NONE:
            return NoSecret()
        case KeyType.LOGIN_PASSWORD:
            if not new.login_password.password:
                raise Invalid(
                    "password can not be empty", field="login_password.password"
                )
            check_option(new.login_password.login, "login_password.login")
            return LoginPassword(
                login=new.login_password.login, password=new.login_password.password
            )
        case KeyType.STRING:
            if not new.string:
                raise Invalid("string can not be empty", field="string")
            return Text(text=new.string)
        case KeyType.CLIENT_CERTIFICATE:
            fields = new.client_certificate
            with at_field("client_certificate"):
                return clientcertificates.normalise(
                    fields.certificate, fields.private_key, fields.passphrase
                )
    raise _unknown_type(new.type)


def _unknown_type(kind: str) -> Invalid:
    return Invalid(
        invalid("type", kind, "ssh, login_password, string, client_certificate or none")
    )


#: The orders in which they are listed, without the keys of variable groups.
ORDERS = statements.ids


def page(
    conn: Connection, actor: Actor, numbers: Sequence[int]
) -> tuple[list[AccessKey], int]:
    """Return the keys of the first *numbers*, and how many were read."""
    found, taken = conn.batch(
        statements.by_id,
        _KeyInList,
        numbers,
        size=limits.BATCH,
        project_id=project_of(actor),
    )
    return [_shown(each) for each in found], taken


def get(conn: Connection, actor: Actor, key_id: KeyId) -> AccessKey:
    """Return a key."""
    return _shown(_found(conn, actor, key_id))


def references(conn: Connection, actor: Actor, key_id: KeyId) -> References:
    """Return the objects that use a key."""
    _found(conn, actor, key_id)
    project_id = project_of(actor)
    return References(
        templates=named(conn, statements.templates, project_id, key_id),
        inventories=named(conn, statements.inventories, project_id, key_id),
        repositories=named(conn, statements.repositories, project_id, key_id),
        integrations=named(conn, of_integrations.of_key, project_id, key_id)
        or msgspec.UNSET,
    )


def usage(conn: Connection, actor: Actor, key_id: KeyId) -> KeyUsage:
    """Return who uses a key, when it was changed and when a job last used it."""
    used = references(conn, actor, key_id)
    facts = conn.one(statements.facts, _Facts, id=key_id)
    if facts is None:
        raise NotFound
    project_id, public = project_of(actor), facts.public_key

    def holders(found: Iterable[Reference], below: Statement) -> tuple[KeyHolder, ...]:
        templates: dict[int, list[Reference]] = {}
        for each in conn.all(below, _Indirect, project_id=project_id, id=key_id):
            reference = Reference(id=each.id, name=each.name)
            templates.setdefault(each.through, []).append(reference)
        return tuple(
            KeyHolder(
                id=each.id, name=each.name, templates=tuple(templates.get(each.id, ()))
            )
            for each in found
        )

    return KeyUsage(
        templates=used.templates,
        inventories=holders(used.inventories, statements.templates_of_inventories),
        repositories=holders(used.repositories, statements.templates_of_repositories),
        integrations=used.integrations,
        **msgspec.structs.asdict(facts),
        fingerprint=privatekeys.fingerprint(public) if public else None,
    )


def overview(conn: Connection, actor: Actor) -> list[KeySummary]:
    """Return what is known of each key, at most ``KEYS_IN_OVERVIEW``."""
    found = conn.all(
        statements.overview,
        _KeyRowOfOverview,
        project_id=project_of(actor),
        most=limits.KEYS_IN_OVERVIEW,
    )
    return [_summary(each) for each in found]


def _summary(row: _KeyRowOfOverview) -> KeySummary:
    public = row.public_key
    return KeySummary(
        id=row.id,
        kind=keychecks.kind_of(public) if public else None,
        bits=keychecks.bits_of(public) if public else None,
        fingerprint=privatekeys.fingerprint(public) if public else None,
        changed=row.changed,
        last_used=row.last_used,
        last_used_by=row.last_used_by,
        templates=row.templates,
        inventories=row.inventories,
        repositories=row.repositories,
        integrations=row.integrations,
    )


def create(
    conn: Connection,
    actor: Actor,
    new: NewAccessKey,
    *,
    secret: CheckedSecret,
    keyring: Keyring,
) -> AccessKey:
    """Create a key with *secret*, the result of :func:`opened` for *new*."""
    kind = KeyType(new.type)
    number = _create(conn, actor, new.name, kind, secret=secret, keyring=keyring)
    return get(conn, actor, number)


def create_without_secret(
    conn: Connection, actor: Actor, name: str, kind: str
) -> KeyId:
    """Create a key whose secret is still to be entered, and return its id.

    A job that needs it is refused.

    :raises Invalid: if name or type cannot be stored
    """
    check_name(name, "name can not be empty")
    try:
        known = KeyType(kind)
    except ValueError:
        raise _unknown_type(kind) from None
    number = conn.insert(
        access_key,
        uuid=conn.uuid(),
        name=name,
        type=known,
        project_id=project_of(actor),
    )
    events.KEY.record(conn, actor, number, name, "created")
    return KeyId(number)


def create_generated(
    conn: Connection,
    actor: Actor,
    new: NewGeneratedKey,
    *,
    secret: CheckedSecret,
    keyring: Keyring,
) -> GeneratedKey:
    """Create an SSH key with *secret*, the result of :func:`generated` for *new*."""
    public = secret.public_key or ""
    return GeneratedKey(
        id=_create(conn, actor, new.name, KeyType.SSH, secret=secret, keyring=keyring),
        name=new.name,
        type=KeyType.SSH,
        project_id=project_of(actor),
        kind=new.kind,
        public_key=public,
        fingerprint=privatekeys.fingerprint(public),
    )


def _create(
    conn: Connection,
    actor: Actor,
    name: str,
    kind: KeyType,
    *,
    secret: CheckedSecret,
    keyring: Keyring,
) -> KeyId:
    project_id = project_of(actor)
    _check_time(conn, secret.secret)
    uuid = conn.uuid()
    number = conn.insert(
        access_key,
        uuid=uuid,
        name=name,
        type=kind,
        project_id=project_id,
        secret=seal(conn, keyring, secret.secret, row_uuid=uuid, project_id=project_id),
        public_key=secret.public_key,
        changed=conn.now,
    )
    events.KEY.record(conn, actor, number, name, "created")
    return KeyId(number)


def change(
    conn: Connection,
    actor: Actor,
    key_id: KeyId,
    new: NewAccessKey,
    *,
    secret: CheckedSecret | None,
    keyring: Keyring,
) -> None:
    """Change a key's name, and, if *secret* is given, its type and secret."""
    key = _found(conn, actor, key_id)
    texts.check(new, key)
    check_name(new.name, "name can not be empty")
    kinds = {key.type, new.type} if secret is not None else {key.type}
    if len(kinds) > 1 and (
        KeyType.CLIENT_CERTIFICATE in kinds
        or conn.scalar(statements.count_aliases, id=key_id)
    ):
        # references require or exclude a certificate, aliases require a password
        refuse_if_used(references(conn, actor, key_id), "Access Key")
    conn.update(access_key, key_id, name=new.name)
    if secret is not None:
        _check_time(conn, secret.secret)
        sealed = seal(
            conn,
            keyring,
            secret.secret,
            row_uuid=conn.scalar(statements.row_uuid, id=key_id),
            project_id=project_of(actor),
        )
        conn.update(
            access_key,
            key_id,
            type=KeyType(new.type),
            secret=sealed,
            public_key=secret.public_key,
            changed=conn.now,
        )
    events.KEY.record(conn, actor, key_id, new.name, "updated")


def delete(conn: Connection, actor: Actor, key_id: KeyId) -> None:
    """Delete an unused key.

    :raises InUse: naming the objects that use it
    """
    key = _found(conn, actor, key_id)
    refuse_if_used(references(conn, actor, key_id), "Access Key")
    conn.delete(access_key, key_id)
    events.KEY.record(conn, actor, key_id, key.name, "deleted")


def _check_time(conn: Connection, secret: OpenedSecret) -> None:
    if isinstance(secret, ClientCertificate):
        clientcertificates.check_time(secret, conn.now)


def _found(conn: Connection, actor: Actor, key_id: KeyId) -> _KeyInList:
    key = conn.one(
        statements.by_id, _KeyInList, id=key_id, project_id=project_of(actor)
    )
    if key is None:
        raise NotFound
    return key


def _shown(row: _KeyInList) -> AccessKey:
    empty = row.type is not KeyType.NONE and not row.sealed
    return AccessKey(
        id=row.id,
        name=row.name,
        type=row.type,
        project_id=row.project_id,
        empty=True if empty else msgspec.UNSET,
        fault=row.fault,
    )
