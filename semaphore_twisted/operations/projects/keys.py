"""Operations on access keys; no result contains a secret."""

import msgspec
from typing_extensions import override

from semaphore_twisted.crypto import clientcertificates, privatekeys
from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.model import texts
from semaphore_twisted.model.errors import Invalid, NotFound
from semaphore_twisted.model.ids import KeyId, ProjectId
from semaphore_twisted.model.keys import (
    AccessKey,
    ClientCertificate,
    ClientCertificateFields,
    KeyType,
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
    References,
    check_name,
    named,
    project_of,
    refuse_if_used,
)
from semaphore_twisted.operations.projects.sealing import seal
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.schema import access_key
from semaphore_twisted.persistence.statements.projects import keys as statements


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


def opened(new: NewAccessKey) -> OpenedSecret:
    """Return the checked secret of *new*; a private key is converted to one form.

    Decrypting a key with a passphrase is slow; this needs no database.

    :raises Invalid: with the reason why the secret is not usable
    """
    check_name(new.name, "name can not be empty")
    match new.type:
        case KeyType.NONE:
            return NoSecret()
        case KeyType.SSH:
            if not new.ssh.private_key.strip():
                raise Invalid("private key can not be empty")
            check_login(new.ssh.login, "ssh.login")
            key = privatekeys.normalise(new.ssh.private_key, new.ssh.passphrase)
            return SshKey(login=new.ssh.login, private_key=key.openssh.decode())
        case KeyType.LOGIN_PASSWORD:
            if not new.login_password.password:
                raise Invalid("password can not be empty")
            check_option(new.login_password.login, "login_password.login")
            return LoginPassword(
                login=new.login_password.login, password=new.login_password.password
            )
        case KeyType.STRING:
            if not new.string:
                raise Invalid("string can not be empty")
            return Text(text=new.string)
        case KeyType.CLIENT_CERTIFICATE:
            fields = new.client_certificate
            return clientcertificates.normalise(
                fields.certificate, fields.private_key, fields.passphrase
            )
    raise Invalid(
        invalid(
            "type", new.type, "ssh, login_password, string, client_certificate or none"
        )
    )


def listed(
    conn: Connection, actor: Actor, *, sort: str = "", descending: bool = False
) -> list[AccessKey]:
    """Return the keys of the project, except those of variable groups."""
    statement = statements.listed.by(sort, descending=descending)
    found = conn.all(statement, _KeyInList, project_id=project_of(actor))
    return [_shown(each) for each in found]


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
    )


def create(
    conn: Connection,
    actor: Actor,
    new: NewAccessKey,
    *,
    secret: OpenedSecret,
    keyring: Keyring,
) -> AccessKey:
    """Create a key with *secret*, the result of :func:`opened` for *new*."""
    project_id = project_of(actor)
    _check_time(conn, secret)
    uuid = conn.uuid()
    number = conn.insert(
        access_key,
        uuid=uuid,
        name=new.name,
        type=KeyType(new.type),
        project_id=project_id,
        secret=seal(conn, keyring, secret, row_uuid=uuid, project_id=project_id),
    )
    events.KEY.record(conn, actor, number, new.name, "created")
    return get(conn, actor, KeyId(number))


def change(
    conn: Connection,
    actor: Actor,
    key_id: KeyId,
    new: NewAccessKey,
    *,
    secret: OpenedSecret | None,
    keyring: Keyring,
) -> None:
    """Change a key's name, and, if *secret* is given, its type and secret."""
    found = _found(conn, actor, key_id)
    texts.check(new, found)
    check_name(new.name, "name can not be empty")
    kinds = {found.type, new.type} if secret is not None else {found.type}
    if len(kinds) > 1 and KeyType.CLIENT_CERTIFICATE in kinds:
        # a reference either requires a client certificate or excludes one
        refuse_if_used(references(conn, actor, key_id), "Access Key")
    conn.update(access_key, key_id, name=new.name)
    if secret is not None:
        _check_time(conn, secret)
        sealed = seal(
            conn,
            keyring,
            secret,
            row_uuid=conn.scalar(statements.row_uuid, id=key_id),
            project_id=project_of(actor),
        )
        conn.update(access_key, key_id, type=KeyType(new.type), secret=sealed)
    events.KEY.record(conn, actor, key_id, new.name, "updated")


def delete(conn: Connection, actor: Actor, key_id: KeyId) -> None:
    """Delete an unused key.

    :raises InUse: naming the objects that use it
    """
    found = _found(conn, actor, key_id)
    refuse_if_used(references(conn, actor, key_id), "Access Key")
    conn.delete(access_key, key_id)
    events.KEY.record(conn, actor, key_id, found.name, "deleted")


def _check_time(conn: Connection, secret: OpenedSecret) -> None:
    if isinstance(secret, ClientCertificate):
        clientcertificates.check_time(secret, conn.now)


def _found(conn: Connection, actor: Actor, key_id: KeyId) -> _KeyInList:
    found = conn.one(
        statements.by_id, _KeyInList, id=key_id, project_id=project_of(actor)
    )
    if found is None:
        raise NotFound
    return found


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
