"""Operations of administrators on apps, and on the same settings as options."""

import msgspec
from msgspec.structs import asdict, replace

from semaphore_twisted.model import limits, texts
from semaphore_twisted.model.apps import (
    APPS,
    App,
    AppFields,
    InstallationOption,
    NewApp,
    StoredApp,
    check_fields,
    check_id,
    with_settings,
)
from semaphore_twisted.model.documents import json_texts
from semaphore_twisted.model.errors import InUse, Invalid, NotFound, at_field
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.surveys import whole_number
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import events
from semaphore_twisted.operations.apps import stored, table
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements import apps as statements
from semaphore_twisted.persistence.template_tables import app as app_table


class AppUse(msgspec.Struct, frozen=True, kw_only=True):
    """An app with the settings that differ from the usual ones.

    *changed* are the fields that differ from the usual ones; *templates* is the number
    of templates in all projects that run it.
    """

    app: App
    custom: bool
    changed: tuple[str, ...]
    templates: int


class _TemplateCount(msgspec.Struct, frozen=True):
    app: str
    count: int


def get(conn: Connection, actor: Actor, name: str) -> App:
    """Return the app *name*.

    :raises NotFound: if there is none
    """
    del actor
    app = table(conn).apps.get(name)
    if app is None:
        raise NotFound
    return app


def uses(conn: Connection, actor: Actor) -> list[AppUse]:
    """Return all apps with their use, in the order of the list."""
    del actor
    rows = stored(conn)
    counts = {
        each.app: each.count for each in conn.all(statements.templates, _TemplateCount)
    }
    return [
        AppUse(
            app=app,
            custom=app.id not in APPS,
            changed=tuple(_set(rows[app.id])) if app.id in rows else (),
            templates=counts.get(app.id, 0),
        )
        for app in with_settings(rows.values()).listed()
    ]


def store(conn: Connection, actor: Actor, name: str, new: NewApp) -> None:
    """Set the fields of *new*; a custom app that does not exist is created.

    :raises Invalid: naming the field that is wrong
    """
    check_id(name)
    before = stored(conn).get(name)
    texts.check(new, before)
    created = before is None and name not in APPS
    if before is None:
        _check_number(conn)
    if created:
        _check_other_case(conn, name)
    sent = _sent(new)
    check_fields(
        msgspec.convert(sent, AppFields), table(conn).apps.get(name) or _new(name)
    )
    changed = replace(before or StoredApp(id=name), **sent)
    columns = {field: getattr(changed, field) for field in AppFields.__struct_fields__}
    if name in APPS and not _set(changed):
        conn.delete(app_table, name)
    elif before is None:
        conn.insert(app_table, id=name, **columns)
    else:
        conn.update(app_table, name, **columns)
    _record(conn, actor, name, "created" if created else "changed")


def activate(conn: Connection, actor: Actor, name: str, *, active: bool) -> None:
    """Switch the app *name* on or off; running tasks are not affected.

    :raises NotFound: if there is none
    """
    if get(conn, actor, name).active != active:
        usual = name in APPS and APPS[name].active == active
        store(conn, actor, name, NewApp(active=None if usual else active))


def delete(conn: Connection, actor: Actor, name: str) -> None:
    """Delete a custom app, or give a known one its usual settings back.

    :raises NotFound: if there is none
    :raises InUse: if templates run the custom app
    """
    _ = get(conn, actor, name)
    if name not in APPS:
        count = conn.scalar(statements.templates_of, of=name)
        if count:
            noun = "template runs" if count == 1 else "templates run"
            raise InUse(
                f"{count} {noun} the app {quoted(name)}: give them another app or "
                "delete them; or switch the app off"
            )
    conn.delete(app_table, name)
    _record(conn, actor, name, "reset" if name in APPS else "deleted")


def _new(name: str) -> App:
    return with_settings([StoredApp(id=name)]).apps[name]


def _check_number(conn: Connection) -> None:
    if conn.scalar(statements.number) >= limits.APPS:
        raise Invalid(
            f"There are {limits.APPS} apps with settings already; delete one that is "
            "not used"
        )


def _check_other_case(conn: Connection, name: str) -> None:
    """Refuse an id that differs from another app's only by the case of letters.

    :raises Invalid: naming the other one
    """
    for other in table(conn).apps:
        if other.lower() == name.lower():
            raise Invalid(
                f"id: {quoted(name)} differs from the app {quoted(other)} by the case "
                "of letters only; expected another id",
                field="id",
            )


def _sent(new: NewApp) -> dict[str, object]:
    """Return the fields of *new*; an empty title or path means the usual one."""
    sent: dict[str, object] = {
        name: value for name, value in asdict(new).items() if value is not msgspec.UNSET
    }
    for name in ("title", "path"):
        if isinstance(text := sent.get(name), str):
            sent[name] = text.strip() or None
    return sent


def _set(row: StoredApp) -> dict[str, object]:
    """Return the fields that are set in *row*."""
    found = {name: getattr(row, name) for name in AppFields.__struct_fields__}
    return {name: value for name, value in found.items() if value is not None}


def _record(conn: Connection, actor: Actor, name: str, what: str) -> None:
    events.APP.record(conn, actor, None, name, what)


# The same settings as options.


_FIELDS = AppFields.__struct_fields__


def options(conn: Connection, actor: Actor) -> dict[str, str]:
    """Return the options that are set, by their keys: ``apps.ID.FIELD``."""
    del actor
    return {
        f"apps.{row.id}.{name}": value
        if isinstance(value, str)
        else msgspec.json.encode(value).decode()
        for row in stored(conn).values()
        for name, value in _set(row).items()
    }


def set_option(
    conn: Connection, actor: Actor, option: InstallationOption
) -> InstallationOption:
    """Set an option; an empty value gives the app's usual one back.

    :raises Invalid: naming the unknown key, or the fault of the value
    """
    words = option.key.split(".")
    if len(words) != len(("apps", "id", "field")) or words[0] != "apps":
        raise _unknown(option.key)
    _, name, field = words
    if field not in _FIELDS:
        raise _unknown(option.key)
    if name not in table(conn).apps:
        raise Invalid(
            f"key: {quoted(option.key, 100)}: there is no app {quoted(name, 100)}; "
            f"create it with POST /api/apps/{name[:50]}"
        )
    try:
        value = _value(field, option.value)
        store(conn, actor, name, msgspec.convert({field: value}, NewApp))
    except Invalid as error:
        error.field = "value"
        raise
    return option


def _unknown(key: str) -> Invalid:
    listed = ", ".join(_FIELDS)
    return Invalid(
        f"key: unknown option {quoted(key, 100)}; expected apps.ID.FIELD, with the id "
        f"of an app and one of {listed}; other options are set in the configuration "
        "of the server"
    )


def _value(field: str, text: str) -> object:
    """Return the value of an option for *field*; ``None`` if *text* is empty.

    :raises Invalid: if it has another type
    """
    if not text:
        return None
    with at_field("value"):
        if field == "active":
            if text not in {"true", "false"}:
                raise Invalid(
                    f"value: invalid value {quoted(text, 100)}; expected true or false"
                )
            return text == "true"
        if field == "priority":
            found = whole_number(text)
            if found is None:
                raise Invalid(
                    f"value: invalid value {quoted(text, 100)}; expected a whole number"
                )
            return found
        if field == "args":
            return json_texts(
                text, 'value: expected a JSON list of texts, such as ["-f"]'
            )
    return text
