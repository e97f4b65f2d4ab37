"""Operations on repositories."""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from semaphore_twisted.model import limits, texts
from semaphore_twisted.model.errors import Invalid, NotFound, at_field
from semaphore_twisted.model.ids import KeyId, ProjectId, RepositoryId
from semaphore_twisted.model.keys import KeyType
from semaphore_twisted.model.repositories import (
    Repository,
    RepositoryRules,
    UrlKind,
    address,
    check_branch,
    check_port,
)
from semaphore_twisted.model.texts import Address, Branch, Name
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import events
from semaphore_twisted.operations.projects.references import (
    References,
    check,
    check_name,
    named,
    project_of,
    refuse_if_used,
)
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.schema import repository
from semaphore_twisted.persistence.statements.projects import keys as of_keys
from semaphore_twisted.persistence.statements.projects import repositories as statements
from semaphore_twisted.persistence.statements.projects import (
    schedules as of_schedules,
)

_USUAL = RepositoryRules()
#: Types of keys that are sent as a login over HTTP.
_LOGINS = frozenset({KeyType.LOGIN_PASSWORD, KeyType.STRING})


class NewRepository(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request that creates or changes a repository.

    Semaphore's clients do not know *client_certificate_id*. It does not change if it is
    missing; ``null`` or 0 removes it.
    """

    name: Name = ""
    git_url: Address = ""
    git_branch: Branch = ""
    ssh_key_id: KeyId = KeyId(0)
    client_certificate_id: KeyId | msgspec.UnsetType | None = msgspec.UNSET


class _RepositoryRow(msgspec.Struct, frozen=True, kw_only=True):
    id: RepositoryId
    name: str
    project_id: ProjectId
    git_url: str
    git_branch: str
    ssh_key_id: KeyId
    client_certificate_id: KeyId | None
    fault: str | msgspec.UnsetType = msgspec.UNSET

    def shown(self) -> Repository:
        return Repository(
            id=self.id,
            name=self.name,
            project_id=self.project_id,
            git_url=self.git_url,
            git_branch=self.git_branch,
            ssh_key_id=self.ssh_key_id,
            client_certificate_id=self.client_certificate_id or msgspec.UNSET,
            fault=self.fault,
        )


class AddressOf(msgspec.Struct, frozen=True):
    """The URL of a repository of any project."""

    id: RepositoryId
    git_url: str
    project_id: ProjectId


def record_cleared(conn: Connection, actor: Actor) -> None:
    """Record that the copies of repositories are removed, of a project or all."""
    events.record(
        conn,
        actor,
        object_type="repository",
        object_id=None,
        description="Copies of repositories removed",
    )


def addresses(conn: Connection) -> list[AddressOf]:
    """Return the URLs of all repositories, for the server itself."""
    return conn.all(statements.addresses, AddressOf)


def check_place(new: NewRepository, rules: RepositoryRules) -> None:
    """Check the form of *new*, and that a local directory is a repository.

    This reads the file system, and so is not part of a transaction. A job checks again,
    with the permissions of its user.

    :raises Invalid:
    """
    _check(new)
    where = address(new.git_url)
    if where.on_this_machine:
        path = Path(where.place)
        with at_field("git_url"):
            rules.check_local(where.place, os.path.realpath(path))
            if not _is_repository(path):
                raise Invalid(f"{new.git_url} is not a git repository of the server")


def _is_repository(folder: Path) -> bool:
    try:
        if (folder / ".git").exists():
            return True
        bare = (folder / "objects").is_dir() and (folder / "refs").is_dir()
        return bare and (folder / "HEAD").is_file()
    except OSError:
        return False


def _check(new: NewRepository) -> None:
    check_name(new.name, "repository name can't be empty")
    if not new.git_url:
        raise Invalid("repository url can't be empty", field="git_url")
    with at_field("git_url"):
        check_port(address(new.git_url))
    with at_field("git_branch"):
        check_branch(new.git_branch)


#: The orders in which they are listed.
ORDERS = statements.ids


def page(
    conn: Connection, actor: Actor, numbers: Sequence[int]
) -> tuple[list[Repository], int]:
    """Return the repositories of the first *numbers*, and how many were read."""
    found, taken = conn.batch(
        statements.by_id,
        _RepositoryRow,
        numbers,
        size=limits.BATCH,
        project_id=project_of(actor),
    )
    return [each.shown() for each in found], taken


def get(conn: Connection, actor: Actor, repository_id: RepositoryId) -> Repository:
    """Return a repository."""
    repository_row = conn.one(
        statements.by_id, _RepositoryRow, id=repository_id, project_id=project_of(actor)
    )
    if repository_row is None:
        raise NotFound
    return repository_row.shown()


def references(
    conn: Connection, actor: Actor, repository_id: RepositoryId
) -> References:
    """Return the objects that use a repository."""
    get(conn, actor, repository_id)
    project_id = project_of(actor)
    return References(
        templates=named(conn, statements.templates, project_id, repository_id),
        inventories=named(conn, statements.inventories, project_id, repository_id),
        schedules=named(conn, of_schedules.with_repository, project_id, repository_id),
    )


def create(
    conn: Connection,
    actor: Actor,
    new: NewRepository,
    *,
    rules: RepositoryRules = _USUAL,
) -> Repository:
    """Create a repository; the caller has checked it with :func:`check_place`."""
    values = _values(conn, actor, new, rules)
    number = conn.insert(repository, project_id=project_of(actor), **values)
    events.REPOSITORY.record(conn, actor, number, new.name, "created")
    return get(conn, actor, RepositoryId(number))


def change(
    conn: Connection,
    actor: Actor,
    repository_id: RepositoryId,
    new: NewRepository,
    *,
    rules: RepositoryRules = _USUAL,
) -> None:
    """Replace a repository."""
    before = get(conn, actor, repository_id)
    texts.check(new, before)
    if new.client_certificate_id is msgspec.UNSET:
        kept = before.client_certificate_id or None
        _check(new)
        if address(new.git_url).kind is not UrlKind.HTTPS:
            kept = None  # a client without this field cannot clear it
        new = replace(new, client_certificate_id=kept)
    values = _values(conn, actor, new, rules)
    conn.update(repository, repository_id, **values, checked=None)
    events.REPOSITORY.record(conn, actor, repository_id, new.name, "updated")


def delete(conn: Connection, actor: Actor, repository_id: RepositoryId) -> None:
    """Delete an unused repository.

    :raises InUse: naming the objects that use it
    """
    stored_repository = get(conn, actor, repository_id)
    refuse_if_used(references(conn, actor, repository_id), "Repository")
    conn.delete(repository, repository_id)
    events.REPOSITORY.record(
        conn, actor, repository_id, stored_repository.name, "deleted"
    )


def _values(
    conn: Connection, actor: Actor, new: NewRepository, rules: RepositoryRules
) -> dict[str, str | int | None]:
    _check(new)
    project_id = project_of(actor)
    kind = check(
        conn,
        of_keys.type_of,
        project_id=project_id,
        number=new.ssh_key_id,
        field="ssh_key_id",
    )
    with at_field("git_url"):
        rules.check_login(address(new.git_url), login=kind in _LOGINS)
    if kind == KeyType.CLIENT_CERTIFICATE:
        raise Invalid("ssh_key_id: a client certificate is for client_certificate_id")
    return {
        "name": new.name,
        "git_url": new.git_url,
        "git_branch": new.git_branch,
        "ssh_key_id": new.ssh_key_id,
        "client_certificate_id": _certificate(conn, project_id, new),
    }


def _certificate(
    conn: Connection, project_id: ProjectId, new: NewRepository
) -> KeyId | None:
    number = new.client_certificate_id or None
    if number is None:
        return None
    kind = check(
        conn,
        of_keys.type_of,
        project_id=project_id,
        number=number,
        field="client_certificate_id",
    )
    if kind != KeyType.CLIENT_CERTIFICATE:
        raise Invalid(
            f"client_certificate_id: a key of type {kind}; expected a key of type "
            "client_certificate"
        )
    if address(new.git_url).kind is not UrlKind.HTTPS:
        raise Invalid(
            "client_certificate_id: such a certificate is for https:// repositories"
        )
    return number
