"""Operations on integrations: incoming webhooks that start tasks of a template."""

import re
from collections.abc import Sequence

import msgspec

from semaphore_twisted.model import limits, texts
from semaphore_twisted.model.documents import JsonObject
from semaphore_twisted.model.errors import Conflict, Invalid, NotFound
from semaphore_twisted.model.ids import IntegrationId, KeyId, ProjectId, TemplateId
from semaphore_twisted.model.integrations import AuthMethod, HashName, Integration
from semaphore_twisted.model.keys import KeyType
from semaphore_twisted.model.refusals import invalid
from semaphore_twisted.model.templates import Template
from semaphore_twisted.model.texts import Name
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import events
from semaphore_twisted.operations.projects.references import (
    Reference,
    check,
    check_name,
    id_or_none,
    project_of,
)
from semaphore_twisted.operations.tasks.task_settings import (
    TaskSettings,
    check_settings,
    stored_settings,
)
from semaphore_twisted.operations.tasks.tasks import template_of
from semaphore_twisted.operations.webhooks import candidates, parts
from semaphore_twisted.operations.webhooks.parts import NewMatcher, NewValue
from semaphore_twisted.operations.webhooks.task_settings import Extracted, new_task
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.integration_tables import integration
from semaphore_twisted.persistence.statements.projects import keys as of_keys
from semaphore_twisted.persistence.statements.webhooks import (
    integrations as statements,
)

#: The name of a header (RFC 9110, 5.1).
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")

#: Types of access keys that hold a shared secret.
_SECRETS = {KeyType.LOGIN_PASSWORD, KeyType.STRING}


#: Words of the Ansible collection ebdruplab.semaphoreui for methods.
_OTHER_METHODS: dict[str, str] = {
    "github_webhooks": AuthMethod.GITHUB,
    "bitbucket_webhooks": AuthMethod.BITBUCKET,
}


class NewIntegration(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request that creates or changes an integration.

    *matchers* and *extract_values*, if they are given, replace those that there are. A
    change without *task_params*, *auth_algorithm*, *auth_prefix* or *keep_bodies* keeps
    the stored ones, since Semaphore's clients may not know them.
    """

    name: Name = ""
    template_id: TemplateId
    auth_method: Name = ""
    auth_secret_id: KeyId | None = None
    auth_header: Name = ""
    searchable: bool = False
    task_params: TaskSettings | msgspec.UnsetType | None = msgspec.UNSET
    auth_algorithm: Name | msgspec.UnsetType = msgspec.UNSET
    auth_prefix: Name | msgspec.UnsetType = msgspec.UNSET
    keep_bodies: bool | msgspec.UnsetType = msgspec.UNSET
    matchers: tuple[NewMatcher, ...] | None = None
    extract_values: tuple[NewValue, ...] | None = None


class IntegrationReferences(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of an integration, which are deleted with it."""

    matchers: tuple[Reference, ...]
    values: tuple[Reference, ...]


#: The orders in which they are listed.
ORDERS = statements.ids


def shown(stored: Integration) -> Integration:
    """Return *stored* for an answer, without additions that are not set."""
    return msgspec.structs.replace(
        stored,
        auth_algorithm=stored.auth_algorithm or msgspec.UNSET,
        auth_prefix=stored.auth_prefix or msgspec.UNSET,
        keep_bodies=stored.keep_bodies or msgspec.UNSET,
    )


def page(
    conn: Connection, actor: Actor, numbers: Sequence[int]
) -> tuple[list[Integration], int]:
    """Return the integrations of the first *numbers*, and how many were read."""
    found, taken = conn.batch(
        statements.by_id,
        Integration,
        numbers,
        size=limits.BATCH,
        project_id=project_of(actor),
    )
    return [shown(each) for each in found], taken


def get(conn: Connection, actor: Actor, integration_id: IntegrationId) -> Integration:
    """Return an integration.

    :raises NotFound: if the project has none with this id
    """
    stored = conn.one(
        statements.by_id, Integration, id=integration_id, project_id=project_of(actor)
    )
    if stored is None:
        raise NotFound
    return shown(stored)


def references(
    conn: Connection, actor: Actor, integration_id: IntegrationId
) -> IntegrationReferences:
    """Return the matchers and extracted values of an integration."""
    get(conn, actor, integration_id)
    return IntegrationReferences(
        matchers=tuple(
            Reference(id=each.id, name=each.name)
            for each in parts.matchers(conn, actor, integration_id)
        ),
        values=tuple(
            Reference(id=each.id, name=each.name)
            for each in parts.values(conn, actor, integration_id)
        ),
    )


def create(conn: Connection, actor: Actor, new: NewIntegration) -> Integration:
    """Create an integration with its matchers and extracted values.

    :raises Conflict: if the project has as many as it may
    """
    values = _values(conn, actor, new)
    project_id = project_of(actor)
    _check_number(conn, project_id)
    if new.searchable:
        _check_searchable(conn, project_id)
    number = IntegrationId(conn.insert(integration, project_id=project_id, **values))
    _put_parts(conn, actor, number, new)
    events.INTEGRATION.record(conn, actor, number, new.name, "created")
    return get(conn, actor, number)


def change(
    conn: Connection, actor: Actor, integration_id: IntegrationId, new: NewIntegration
) -> None:
    """Replace an integration; its parts stay unless *new* states them.

    :raises Conflict: if it becomes searchable, and as many as may be are
    """
    stored = get(conn, actor, integration_id)
    texts.check(new, stored)
    if new.searchable and not stored.searchable:
        _check_searchable(conn, stored.project_id)
    new = _with_kept(new, stored)
    conn.update(integration, integration_id, **_values(conn, actor, new))
    _put_parts(conn, actor, integration_id, new)
    events.INTEGRATION.record(conn, actor, integration_id, new.name, "updated")


def delete(conn: Connection, actor: Actor, integration_id: IntegrationId) -> None:
    """Delete an integration with its parts and its own aliases."""
    stored = get(conn, actor, integration_id)
    conn.delete(integration, integration_id)
    events.INTEGRATION.record(conn, actor, integration_id, stored.name, "deleted")


def _check_number(conn: Connection, project_id: ProjectId) -> None:
    """Refuse another integration in a project that has as many as it may.

    :raises Conflict:
    """
    most = limits.HOOK_INTEGRATIONS_OF_PROJECT
    if conn.scalar(statements.count, project_id=project_id) >= most:
        raise Conflict(f"The project has {most} integrations already; delete one first")


def _check_searchable(conn: Connection, project_id: ProjectId) -> None:
    """Refuse another searchable integration in a project that has as many as it may.

    :raises Conflict:
    """
    most = limits.HOOK_SEARCHABLE
    if candidates.count_searchable(conn, project_id) >= most:
        raise Conflict(
            f"searchable: the project has {most} searchable integrations already;"
            " expected false, with an alias of its own for this integration",
            field="searchable",
        )


def _with_kept(new: NewIntegration, before: Integration) -> NewIntegration:
    """Return *new* with the fields of *before* that it does not have.

    :raises Invalid: if the stored task parameters are damaged
    """
    kept = {
        name: getattr(before, name)
        for name in ("task_params", "auth_algorithm", "auth_prefix", "keep_bodies")
        if getattr(new, name) is msgspec.UNSET
    }
    if kept.get("task_params"):
        kept["task_params"] = stored_settings(kept["task_params"], TaskSettings)
    return msgspec.structs.replace(new, **kept)


def _put_parts(
    conn: Connection, actor: Actor, integration_id: IntegrationId, new: NewIntegration
) -> None:
    if new.matchers is not None:
        parts.put_matchers(conn, actor, integration_id, new.matchers)
    if new.extract_values is not None:
        parts.put_values(conn, actor, integration_id, new.extract_values)


def _values(
    conn: Connection, actor: Actor, new: NewIntegration
) -> dict[str, object | None]:
    """Return the checked columns of *new*.

    :raises Invalid: naming the field that is not accepted
    """
    method = _OTHER_METHODS.get(new.auth_method, new.auth_method)
    new = msgspec.structs.replace(new, auth_method=method)
    check_name(new.name, "No Name set for integration")
    project_id = project_of(actor)
    try:
        template = template_of(conn, project_id, new.template_id)
    except NotFound:
        raise Invalid(
            f"template_id: there is no {new.template_id} in this project"
        ) from None
    _check_authentication(conn, actor, new)
    settings = (new.task_params.stored or None) if new.task_params else None
    _check_settings(conn, template, settings)
    return {
        "template_id": new.template_id,
        "name": new.name,
        "auth_method": new.auth_method,
        "auth_secret_id": id_or_none(new.auth_secret_id),
        "auth_header": new.auth_header,
        "auth_algorithm": new.auth_algorithm or "",
        "auth_prefix": new.auth_prefix or "",
        "searchable": new.searchable,
        "task_params": settings,
        "keep_bodies": bool(new.keep_bodies),
    }


def _check_settings(
    conn: Connection, template: Template, settings: JsonObject | None
) -> None:
    """Check the stored settings of a task by the rules of a new task.

    A delivery can state every variable of the survey, so none is required here.

    :raises Invalid: naming the field in ``task_params``
    """
    survey = tuple(
        msgspec.structs.replace(each, required=False)
        for each in template.survey_vars or ()
    )
    body = new_task(template, settings, Extracted())
    check_settings(conn, msgspec.structs.replace(template, survey_vars=survey), body)


def _check_authentication(conn: Connection, actor: Actor, new: NewIntegration) -> None:
    try:
        method = AuthMethod(new.auth_method or AuthMethod.NONE)
    except ValueError:
        expected = ", ".join(AuthMethod)
        raise Invalid(invalid("auth_method", new.auth_method, expected)) from None
    key_id = id_or_none(new.auth_secret_id)
    kind = check(
        conn,
        of_keys.type_of,
        project_id=project_of(actor),
        number=key_id,
        field="auth_secret_id",
    )
    if method is not AuthMethod.NONE:
        if key_id is None:
            raise Invalid(
                f"auth_secret_id: missing for {method}; expected the id of an access"
                " key with the secret"
            )
        if kind not in _SECRETS or (
            method is AuthMethod.BASIC and kind != KeyType.LOGIN_PASSWORD
        ):
            expected = (
                "login_password"
                if method is AuthMethod.BASIC
                else "login_password or string"
            )
            raise Invalid(
                f"auth_secret_id: the access key has the type {kind}; expected"
                f" {expected}"
            )
    if (method.needs_header or new.auth_header) and not _HEADER.fullmatch(
        new.auth_header
    ):
        raise Invalid(
            invalid("auth_header", new.auth_header, "a header's name, such as X-Token")
        )
    if new.auth_algorithm and new.auth_algorithm not in set(HashName):
        raise Invalid(invalid("auth_algorithm", new.auth_algorithm, "sha256 or sha512"))
