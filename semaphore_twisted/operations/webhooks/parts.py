"""The parts of an integration: matchers, and values that are extracted."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec
from typing_extensions import override

from semaphore_twisted.model import limits, texts
from semaphore_twisted.model.answers import check_survey
from semaphore_twisted.model.apps import AppTable
from semaphore_twisted.model.deliveries import is_secret
from semaphore_twisted.model.errors import Conflict, Invalid, NotFound, at_field
from semaphore_twisted.model.ids import ExtractValueId, IntegrationId, MatcherId
from semaphore_twisted.model.integrations import (
    BodyType,
    DeliveryPart,
    Integration,
    IntegrationMatcher,
    IntegrationValue,
    MatchMethod,
    VariableType,
)
from semaphore_twisted.model.payloads import path
from semaphore_twisted.model.refusals import invalid
from semaphore_twisted.model.reprs import redacted
from semaphore_twisted.model.templates import SurveyType, SurveyVariable, Template
from semaphore_twisted.model.texts import Message, Name
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import apps, events
from semaphore_twisted.operations.projects.references import (
    Reference,
    check_name,
    project_of,
)
from semaphore_twisted.operations.tasks.tasks import template_of
from semaphore_twisted.operations.webhooks.task_settings import check_setting
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.integration_tables import (
    integration_matcher,
    integration_value,
)
from semaphore_twisted.persistence.statements.webhooks import (
    integrations as statements,
)

_NO_NAME = "No Name set for integration"


class NewMatcher(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request that creates or changes a matcher."""

    name: Name = ""
    integration_id: int | None = None
    match_type: Name = ""
    method: Name = ""
    body_data_type: Name = ""
    key: Message = ""
    value: Message = ""

    @override
    def __repr__(self) -> str:
        """Show no values."""
        return redacted(self, "name")


class NewValue(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request that creates or changes an extracted value.

    In a change, a missing field keeps its stored value, as in Semaphore; if the stored
    row is damaged, it counts as not set.
    """

    name: Name | None = None
    integration_id: int | None = None
    value_source: Name | None = None
    body_data_type: Name | None = None
    key: Message | None = None
    variable: Name | None = None
    variable_type: Name | None = None

    @override
    def __repr__(self) -> str:
        """Show no values."""
        return redacted(self, "name")


class PartReferences(msgspec.Struct, frozen=True, kw_only=True):
    """The integration that a matcher or an extracted value belongs to."""

    integrations: tuple[Reference, ...]


def _owner(
    conn: Connection, actor: Actor, integration_id: IntegrationId
) -> Integration:
    stored = conn.one(
        statements.by_id, Integration, id=integration_id, project_id=project_of(actor)
    )
    if stored is None:
        raise NotFound
    return stored


def owner_reference(
    conn: Connection, actor: Actor, integration_id: IntegrationId
) -> PartReferences:
    """Return the reference to the integration of a part."""
    stored = _owner(conn, actor, integration_id)
    return PartReferences(
        integrations=(Reference(id=stored.id, name=stored.name),),
    )


def matchers(
    conn: Connection, actor: Actor, integration_id: IntegrationId
) -> list[IntegrationMatcher]:
    """Return the matchers of an integration, in the order of their creation."""
    _owner(conn, actor, integration_id)
    return conn.all(
        statements.matchers, IntegrationMatcher, integration_id=integration_id
    )


def values(
    conn: Connection, actor: Actor, integration_id: IntegrationId
) -> list[IntegrationValue]:
    """Return the extracted values of an integration, in the order of their creation."""
    _owner(conn, actor, integration_id)
    return conn.all(statements.values, IntegrationValue, integration_id=integration_id)


def matcher(
    conn: Connection,
    actor: Actor,
    integration_id: IntegrationId,
    matcher_id: MatcherId,
) -> IntegrationMatcher:
    """Return a matcher.

    :raises NotFound: if the integration has none with this id
    """
    for each in matchers(conn, actor, integration_id):
        if each.id == matcher_id:
            return each
    raise NotFound


def value(
    conn: Connection,
    actor: Actor,
    integration_id: IntegrationId,
    value_id: ExtractValueId,
) -> IntegrationValue:
    """Return an extracted value.

    :raises NotFound: if the integration has none with this id
    """
    for each in values(conn, actor, integration_id):
        if each.id == value_id:
            return each
    raise NotFound


def matcher_references(
    conn: Connection,
    actor: Actor,
    integration_id: IntegrationId,
    matcher_id: MatcherId,
) -> PartReferences:
    """Return the integration of a matcher."""
    matcher(conn, actor, integration_id, matcher_id)
    return owner_reference(conn, actor, integration_id)


def value_references(
    conn: Connection,
    actor: Actor,
    integration_id: IntegrationId,
    value_id: ExtractValueId,
) -> PartReferences:
    """Return the integration of an extracted value."""
    value(conn, actor, integration_id, value_id)
    return owner_reference(conn, actor, integration_id)


def create_matcher(
    conn: Connection, actor: Actor, integration_id: IntegrationId, new: NewMatcher
) -> IntegrationMatcher:
    """Create a matcher."""
    owner = _owner(conn, actor, integration_id)
    _same_owner(new.integration_id, integration_id)
    columns = _matcher(new)
    _room(len(matchers(conn, actor, integration_id)), 1, "matchers")
    number = conn.insert(integration_matcher, integration_id=integration_id, **columns)
    _changed(conn, actor, owner, f"matcher {new.name} added")
    return matcher(conn, actor, integration_id, MatcherId(number))


def change_matcher(
    conn: Connection,
    actor: Actor,
    integration_id: IntegrationId,
    matcher_id: MatcherId,
    new: NewMatcher,
) -> None:
    """Replace a matcher."""
    owner = _owner(conn, actor, integration_id)
    texts.check(new, matcher(conn, actor, integration_id, matcher_id))
    _same_owner(new.integration_id, integration_id)
    conn.update(integration_matcher, matcher_id, **_matcher(new))
    _changed(conn, actor, owner, f"matcher {new.name} changed")


def delete_matcher(
    conn: Connection,
    actor: Actor,
    integration_id: IntegrationId,
    matcher_id: MatcherId,
) -> None:
    """Delete a matcher."""
    owner = _owner(conn, actor, integration_id)
    stored = matcher(conn, actor, integration_id, matcher_id)
    conn.delete(integration_matcher, matcher_id)
    _changed(conn, actor, owner, f"matcher {stored.name} removed")


def create_value(
    conn: Connection, actor: Actor, integration_id: IntegrationId, new: NewValue
) -> IntegrationValue:
    """Create an extracted value."""
    owner = _owner(conn, actor, integration_id)
    _same_owner(new.integration_id, integration_id)
    template = template_of(conn, owner.project_id, owner.template_id)
    columns = _value(new, template, apps.table(conn))
    _room(len(values(conn, actor, integration_id)), 1, "extract_values")
    number = conn.insert(integration_value, integration_id=integration_id, **columns)
    _changed(conn, actor, owner, f"value {columns['name']} added")
    return value(conn, actor, integration_id, ExtractValueId(number))


def change_value(
    conn: Connection,
    actor: Actor,
    integration_id: IntegrationId,
    value_id: ExtractValueId,
    new: NewValue,
) -> None:
    """Change an extracted value; missing fields keep their stored values."""
    owner = _owner(conn, actor, integration_id)
    stored = value(conn, actor, integration_id, value_id)
    texts.check(new, stored)
    _same_owner(new.integration_id, integration_id)
    merged = (
        new
        if stored.fault
        else NewValue(
            name=_sent(new.name, stored.name),
            value_source=_sent(new.value_source, stored.value_source),
            body_data_type=_sent(new.body_data_type, stored.body_data_type),
            key=_sent(new.key, stored.key),
            variable=_sent(new.variable, stored.variable),
            variable_type=_sent(new.variable_type, stored.variable_type),
        )
    )
    template = template_of(conn, owner.project_id, owner.template_id)
    columns = _value(merged, template, apps.table(conn))
    conn.update(integration_value, value_id, **columns)
    _changed(conn, actor, owner, f"value {merged.name} changed")


def delete_value(
    conn: Connection,
    actor: Actor,
    integration_id: IntegrationId,
    value_id: ExtractValueId,
) -> None:
    """Delete an extracted value."""
    owner = _owner(conn, actor, integration_id)
    stored = value(conn, actor, integration_id, value_id)
    conn.delete(integration_value, value_id)
    _changed(conn, actor, owner, f"value {stored.name} removed")


def put_matchers(
    conn: Connection,
    actor: Actor,
    integration_id: IntegrationId,
    new: Sequence[NewMatcher],
) -> None:
    """Replace all matchers of an integration."""
    before = matchers(conn, actor, integration_id)
    _room(0, len(new), "matchers")
    checked = []
    for index, part in enumerate(new):
        with _at(f"matchers[{index}]"):
            checked.append(_matcher(part))
    for each in before:
        conn.delete(integration_matcher, each.id)
    for columns in checked:
        conn.insert(integration_matcher, integration_id=integration_id, **columns)


def put_values(
    conn: Connection,
    actor: Actor,
    integration_id: IntegrationId,
    new: Sequence[NewValue],
) -> None:
    """Replace all extracted values of an integration."""
    owner = _owner(conn, actor, integration_id)
    before = values(conn, actor, integration_id)
    template = template_of(conn, owner.project_id, owner.template_id)
    table = apps.table(conn)
    _room(0, len(new), "extract_values")
    checked = []
    for index, part in enumerate(new):
        with _at(f"extract_values[{index}]"):
            checked.append(_value(part, template, table))
    for each in before:
        conn.delete(integration_value, each.id)
    for columns in checked:
        conn.insert(integration_value, integration_id=integration_id, **columns)


def _sent(new: str | None, stored: str) -> str:
    return stored if new is None else new


def _changed(conn: Connection, actor: Actor, owner: Integration, what: str) -> None:
    events.INTEGRATION.record(conn, actor, owner.id, owner.name, f"updated: {what}")


def _room(present: int, more: int, what: str) -> None:
    """Refuse more parts than an integration may have.

    :raises Conflict:
    """
    if present + more > limits.HOOK_PARTS:
        raise Conflict(
            f"{what}: an integration has at most {limits.HOOK_PARTS} of them"
        )


def _same_owner(sent: int | None, integration_id: IntegrationId) -> None:
    if sent is not None and sent > 0 and sent != integration_id:
        raise Invalid(
            "Extractor ID in body and URL must be the same", field="integration_id"
        )


def _matcher(new: NewMatcher) -> dict[str, str]:
    if not new.match_type:
        raise Invalid("No Match Type set", field="match_type")
    place = _one_of("match_type", new.match_type, DeliveryPart)
    method = _one_of("method", new.method, MatchMethod)
    kind = _body_type(new.body_data_type)
    whole = place == DeliveryPart.BODY and kind == BodyType.STRING
    if not new.key and not whole:
        raise Invalid("No key set", field="key")
    if not new.value:
        raise Invalid("No value set", field="value")
    if place == DeliveryPart.BODY and kind != BodyType.STRING:
        with at_field("key"):
            path(new.key)
    check_name(new.name, _NO_NAME)
    return {
        "name": new.name,
        "match_type": place,
        "method": method,
        "body_data_type": kind,
        "key": new.key,
        "value": new.value,
    }


def _value(new: NewValue, template: Template, table: AppTable) -> dict[str, str]:
    if not new.value_source:
        raise Invalid("No Value Source defined", field="value_source")
    place = _one_of("value_source", new.value_source, DeliveryPart)
    check_name(new.name or "", _NO_NAME)
    kind, key = _body_type(new.body_data_type or ""), new.key or ""
    if place == DeliveryPart.BODY:
        if not kind:
            raise Invalid(
                "Value Source but no body data type set", field="body_data_type"
            )
        if kind == BodyType.JSON:
            if not key:
                raise Invalid("No Key set for JSON Body Data extraction.", field="key")
            with at_field("key"):
                if None in path(key):
                    raise Invalid(
                        "key: [*] selects several values; expected the path of one"
                    )
    elif not key:
        raise Invalid("Value Source set but no Key set", field="key")
    elif is_secret(key):
        raise Invalid(
            invalid("key", key, "a header that holds no secret, such as X-GitHub-Event")
        )
    target = new.variable_type or VariableType.ENVIRONMENT
    target = _one_of("variable_type", target, VariableType)
    variable = new.variable or ""
    if target == VariableType.TASK:
        check_setting(variable)
    else:
        with at_field("variable"):
            check_variable(variable, template, table)
    return {
        "name": new.name or "",
        "value_source": place,
        "body_data_type": kind,
        "key": key,
        "variable": variable,
        "variable_type": target,
    }


def check_variable(name: str, template: Template, table: AppTable) -> None:
    """Refuse a variable that decides what runs, unless the template's survey asks it.

    :raises Invalid: naming the variable
    """
    if any(each.name == name for each in template.survey_vars or ()):
        return  # checked when the template was stored, and again when a task starts
    app = table.get(template.app)
    kind = SurveyType.STRING if app.is_ansible else SurveyType.SECRET
    check_survey((SurveyVariable(name=name, type=kind),), app)


def _body_type(text: str) -> str:
    return text and _one_of("body_data_type", text, BodyType)


def _one_of(
    field: str,
    text: str,
    kind: type[DeliveryPart] | type[MatchMethod] | type[BodyType] | type[VariableType],
) -> str:
    if text not in set(kind):
        raise Invalid(invalid(field, text, ", ".join(kind)), field=field)
    return text


@contextmanager
def _at(where: str) -> Iterator[None]:
    """State in an error of the block which part is at fault."""
    try:
        yield
    except Invalid as error:
        raise Invalid(
            f"{where}: {error.message}", field=f"{where}.{error.field}".rstrip(".")
        ) from None
