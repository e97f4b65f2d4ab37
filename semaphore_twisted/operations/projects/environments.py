"""Environments (variable groups): plain and secret variables."""

import re
from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec
from msgspec.structs import replace
from typing_extensions import override

from semaphore_twisted.crypto.keyring import Keyring
from semaphore_twisted.model import limits, texts
from semaphore_twisted.model.answers import check_variable
from semaphore_twisted.model.documents import json_object
from semaphore_twisted.model.errors import Invalid, NotFound, at_field
from semaphore_twisted.model.ids import EnvironmentId, KeyId, ProjectId
from semaphore_twisted.model.inventories import Environment, EnvironmentSecret
from semaphore_twisted.model.keys import KeyType, Text
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.reprs import redacted
from semaphore_twisted.model.texts import SECRETS, LongText, Name, Secret, Unserved
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import events
from semaphore_twisted.operations.projects.references import (
    References,
    check_name,
    check_text,
    named,
    project_of,
    refuse_if_used,
    unique,
)
from semaphore_twisted.operations.projects.sealing import seal
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.schema import access_key, environment
from semaphore_twisted.persistence.statements.projects import environments as statements
from semaphore_twisted.persistence.statements.projects import keys as of_keys

_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OWNERS = frozenset({"env", "var"})


class SecretChange(msgspec.Struct, frozen=True, kw_only=True):
    """A change of one secret variable.

    *operation* is ``create``, ``update``, ``delete``, or empty if a client sends back
    an unchanged variable.
    """

    id: int = 0
    type: Name = ""
    name: Name = ""
    secret: Secret = ""
    operation: Name = ""

    @override
    def __repr__(self) -> str:
        """Show only the operation and the variable's name."""
        return f"SecretChange({self.operation!r}, {self.name!r})"


class NewEnvironment(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request that creates or changes an environment."""

    name: Name = ""
    json: LongText = ""
    env: LongText | None = None
    secrets: Annotated[tuple[SecretChange, ...], SECRETS] | None = None
    secret_storage_id: Unserved = None
    secret_storage_key_prefix: Unserved = None

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self, "name")


#: The orders in which they are listed.
ORDERS = statements.ids


def page(
    conn: Connection, actor: Actor, numbers: Sequence[int]
) -> tuple[list[Environment], int]:
    """Return the environments of the first *numbers*, and how many were read.

    Their secrets are not included.
    """
    return conn.batch(
        statements.by_id,
        Environment,
        numbers,
        size=limits.BATCH,
        project_id=project_of(actor),
    )


def get(conn: Connection, actor: Actor, environment_id: EnvironmentId) -> Environment:
    """Return an environment with the names of its secrets."""
    project_id = project_of(actor)
    stored_environment = conn.one(
        statements.by_id, Environment, id=environment_id, project_id=project_id
    )
    if stored_environment is None:
        raise NotFound
    return replace(
        stored_environment, secrets=tuple(_secrets(conn, project_id, environment_id))
    )


def references(
    conn: Connection, actor: Actor, environment_id: EnvironmentId
) -> References:
    """Return the objects that use an environment."""
    get(conn, actor, environment_id)
    return References(
        templates=named(conn, statements.templates, project_of(actor), environment_id)
    )


def create(
    conn: Connection, actor: Actor, new: NewEnvironment, *, keyring: Keyring
) -> Environment:
    """Create an environment with its secrets."""
    environment_id = _insert(conn, actor, new)
    asked = [
        replace(each, operation="create", id=0)
        if not each.operation and (each.secret or (each.name and not each.id))
        else each
        for each in new.secrets or ()
    ]
    with at_field("secrets"):
        _change_secrets(conn, actor, environment_id, asked, keyring)
    events.ENVIRONMENT.record(conn, actor, environment_id, new.name, "created")
    return get(conn, actor, environment_id)


def create_without_values(
    conn: Connection,
    actor: Actor,
    new: NewEnvironment,
    secrets: Iterable[tuple[str, str]],
) -> EnvironmentId:
    """Create an environment whose *secrets*, as (type, name), have no value yet.

    Return its id. A job that needs one of the secrets is refused.

    :raises Invalid: if a value cannot be stored, or a secret comes twice
    """
    project_id = project_of(actor)
    environment_id = _insert(conn, actor, new)
    for owner, name in secrets:
        _check_owner(owner, name)
        _check_secret(owner, name, "")
        conn.insert(
            access_key,
            uuid=conn.uuid(),
            name=name,
            type=KeyType.STRING,
            project_id=project_id,
            environment_id=environment_id,
            owner=owner,
        )
    _check_unique(conn, project_id, environment_id)
    events.ENVIRONMENT.record(conn, actor, environment_id, new.name, "created")
    return environment_id


def _insert(conn: Connection, actor: Actor, new: NewEnvironment) -> EnvironmentId:
    number = conn.insert(environment, project_id=project_of(actor), **_values(new))
    return EnvironmentId(number)


def change(
    conn: Connection,
    actor: Actor,
    environment_id: EnvironmentId,
    new: NewEnvironment,
    *,
    keyring: Keyring,
) -> None:
    """Replace an environment; change its secrets as requested, and keep the rest.

    A secret that is created although it exists gets the new value: Ansible's collection
    ebdruplab.semaphoreui creates all of them in each run, and a restored group has
    secrets without a value.
    """
    texts.check(new, get(conn, actor, environment_id))
    conn.update(environment, environment_id, **_values(new))
    with at_field("secrets"):
        _change_secrets(conn, actor, environment_id, new.secrets or (), keyring)
    events.ENVIRONMENT.record(conn, actor, environment_id, new.name, "updated")


def delete(conn: Connection, actor: Actor, environment_id: EnvironmentId) -> None:
    """Delete an unused environment with its secrets.

    :raises InUse: naming the objects that use it
    """
    stored_environment = get(conn, actor, environment_id)
    refuse_if_used(references(conn, actor, environment_id), "Environment")
    conn.delete(environment, environment_id)
    events.ENVIRONMENT.record(
        conn, actor, environment_id, stored_environment.name, "deleted"
    )


def _secrets(
    conn: Connection, project_id: ProjectId, environment_id: EnvironmentId
) -> list[EnvironmentSecret]:
    return conn.all(
        of_keys.of_environment,
        EnvironmentSecret,
        project_id=project_id,
        environment_id=environment_id,
    )


def _change_secrets(
    conn: Connection,
    actor: Actor,
    environment_id: EnvironmentId,
    secret_changes: Sequence[SecretChange],
    keyring: Keyring,
) -> None:
    project_id = project_of(actor)
    owned = {each.id: each for each in _secrets(conn, project_id, environment_id)}
    # a name that is deleted may be created in the same request, in any order
    for each in sorted(secret_changes, key=lambda each: each.operation != "delete"):
        match each.operation:
            case "":
                if each.secret:
                    raise Invalid(
                        f"The secret {quoted(each.name)} has a value and no operation; "
                        "send"
                        " create or update"
                    )
                continue
            case "create":
                same = [
                    stored
                    for stored in owned.values()
                    if (stored.type, stored.name) == (each.type, each.name)
                ]
                for stored in same:  # declarative clients create again what they want
                    _update_secret(conn, keyring, each, project_id, stored)
                    del owned[stored.id]
                if not same:
                    _create_secret(conn, keyring, each, project_id, environment_id)
            case "update" | "delete":
                present = owned.get(KeyId(each.id))
                if present is None:
                    raise Invalid(
                        f"There is no secret with id {each.id} in this environment"
                    )
                if each.operation == "delete":
                    conn.delete(access_key, each.id)
                    del owned[present.id]
                else:
                    _update_secret(conn, keyring, each, project_id, present)
            case _:
                raise Invalid(
                    f"The operation of a secret is create, update or delete, not"
                    f" {quoted(each.operation)}"
                )
    _check_unique(conn, project_id, environment_id)


def _check_unique(
    conn: Connection, project_id: ProjectId, environment_id: EnvironmentId
) -> None:
    unique(
        [
            f"{each.type}:{each.name}"
            for each in _secrets(conn, project_id, environment_id)
        ],
        "secret",
    )


def _create_secret(
    conn: Connection,
    keyring: Keyring,
    secret_change: SecretChange,
    project_id: ProjectId,
    environment_id: EnvironmentId,
) -> None:
    _check_owner(secret_change.type, secret_change.name)
    _check_secret(secret_change.type, secret_change.name, secret_change.secret)
    uuid = conn.uuid()
    text = Text(text=secret_change.secret)
    conn.insert(
        access_key,
        uuid=uuid,
        name=secret_change.name,
        type=KeyType.STRING,
        project_id=project_id,
        environment_id=environment_id,
        owner=secret_change.type,
        secret=seal(conn, keyring, text, row_uuid=uuid, project_id=project_id),
    )


def _update_secret(
    conn: Connection,
    keyring: Keyring,
    secret_change: SecretChange,
    project_id: ProjectId,
    present: EnvironmentSecret,
) -> None:
    """Rename a secret, and replace its value if one is given; its type is kept.

    One that is created again gets the value even if that is empty.
    """
    name = secret_change.name or present.name
    _check_secret(present.type, name, secret_change.secret)
    values: dict[str, object] = {"name": name}
    if secret_change.secret or secret_change.operation == "create":
        uuid = conn.scalar(of_keys.row_uuid, id=present.id)
        text = Text(text=secret_change.secret)
        values["secret"] = seal(
            conn, keyring, text, row_uuid=uuid, project_id=project_id
        )
    conn.update(access_key, present.id, **values)


def _check_owner(owner: str, name: str) -> None:
    if owner not in _OWNERS:
        raise Invalid(f"The type of the secret {quoted(name)} must be env or var")


def _check_secret(owner: str, name: str, secret: str) -> None:
    check_name(name, "The name of a secret can not be empty")
    if owner == "env":
        _check_env(name, secret)
    else:
        check_text(name, "name of a secret")
        check_variable(name, "secrets")


def _values(new: NewEnvironment) -> dict[str, str | None]:
    check_name(new.name, "Environment name can not be empty")
    if new.json.strip():
        with at_field("json"):
            for name in json_object(new.json, "Extra variables"):
                check_variable(name, "json")
    env = new.env if new.env and new.env.strip() else None
    if env is not None:
        with at_field("env"):
            _check_variables(env)
    return {
        "name": new.name,
        "json": new.json if new.json.strip() else "{}",
        "env": env,
    }


def _check_variables(env: str) -> None:
    for name, value in json_object(env, "Environment variables").items():
        if not isinstance(value, str | int | float):
            raise Invalid(f"The environment variable {quoted(name)} must be one value")
        _check_env(name, str(value))


def _check_env(name: str, value: str) -> None:
    if not _ENV_NAME.fullmatch(name):
        raise Invalid(f"{quoted(name)} cannot be the name of an environment variable")
    if "\0" in value:
        raise Invalid(f"The environment variable {quoted(name)} has a NUL character")
