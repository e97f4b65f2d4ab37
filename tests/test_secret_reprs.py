"""No value that holds a key, a password or a token shows it in its repr."""

import importlib
import pkgutil
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import msgspec
from twisted.trial.unittest import SynchronousTestCase

import semaphore_twisted
from semaphore_twisted.config.options import Config
from semaphore_twisted.model.jobs import File, JobSpecification, Pipe, Step

#: Names of fields that hold secrets, if the type of the field can hold a text.
SECRET = re.compile(
    r"(^|_)(passwords?|passphrase|secrets?|token|private|private_key|preshared_key"
    r"|eab_key|key|key_pem|access_key_encryption(_old)?|opened|argv|environ"
    r"|stdin|content|masks|answers|variables|environment|pipes|files|steps)$"
    r"|^secret_"
)

#: Fields with such a name that hold no secret.
PUBLIC: set[str | tuple[str, str]] = {
    "public_key",
    # the name of a fact, and the source of a connection
    ("Fact", "key"),
    ("PendingConnection", "key"),
    # by which objects of a list are sorted
    ("Place", "key"),
    ("Position", "key"),
    # a file of the package, the types of a response, a query of DNS
    ("Asset", "content"),
    ("Route", "content"),
    ("Question", "content"),
    # the names of options of the page and of the installation
    ("UserOption", "key"),
    ("InstallationOption", "key"),
    # sealed values, as they are stored
    ("KeyRow", "secret"),
    ("SealedRow", "secret"),
    ("SealedValue", "secret"),
    ("_ScheduleMachinery", "secret"),
    ("_Sealed", "secret"),
    # names of variables
    ("Schedule", "secrets"),
    ("ScheduleInList", "secrets"),
    # names of objects in the backup of a project
    "ssh_key",
    "become_key",
    "vault_key",
    "auth_secret",
    "secret_storages",
    ("TemplateInBackup", "environment"),
}

MARK = "marker-7f3a"


def _modules() -> Iterator[Any]:
    for found in pkgutil.walk_packages(
        semaphore_twisted.__path__, "semaphore_twisted."
    ):
        if ".migrations." not in found.name and not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def _classes() -> Iterator[type]:
    for module in _modules():
        for each in vars(module).values():
            if isinstance(each, type) and each.__module__ == module.__name__:
                yield each


def _fields(of: type) -> dict[str, Any]:
    """Return the fields of a value by the names of its constructor."""
    if issubclass(of, msgspec.Struct) and of is not msgspec.Struct:
        hints = typing.get_type_hints(of, include_extras=True)
        return {each: hints[each] for each in of.__struct_fields__}
    if attrs.has(of):
        hints = typing.get_type_hints(of)
        return {
            each.alias: hints[each.name]
            for each in attrs.fields(of)
            if each.init and each.name in hints
        }
    return {}


def _marked(kind: Any) -> Any:
    """Return a value of *kind* with the marker, ``None`` if it can hold no text."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind in {str, Any, bytes}:
        return MARK.encode() if kind is bytes else MARK
    if origin is typing.Annotated:
        inner = inner[:1]
    if origin in {dict, Mapping}:
        return {"name": _marked(inner[1])}
    if origin in {tuple, list, Sequence}:
        held = _marked(inner[0]) if inner and inner[0] != () else None
        return None if held is None else (held,)
    if inner:
        return next((each for each in map(_marked, inner) if each is not None), None)
    return _built(kind) if isinstance(kind, type) and _secrets(kind) else None


def _plain(kind: Any) -> Any:
    """Return a small value of *kind*."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in {typing.Annotated, typing.Union, types.UnionType}:
        return _plain(inner[0])
    if isinstance(kind, type) and _fields(kind):
        return _built(kind)
    made = origin or kind
    return made() if made in {bytes, int, float, dict, tuple, list, frozenset} else ""


def _secrets(of: type) -> dict[str, Any]:
    """Return the marked values of the secret fields of *of*."""
    return {
        name: value
        for name, kind in _fields(of).items()
        if SECRET.search(name)
        and not {name, (of.__name__, name)} & PUBLIC
        and (value := _marked(kind)) is not None
    }


def _built(of: type) -> Any:
    others = {name: _plain(kind) for name, kind in _fields(of).items()}
    return of(**{**others, **_secrets(of)})


class ReprTests(SynchronousTestCase):
    """Each value with secret fields, built with a marker in them."""

    def test_each(self) -> None:
        """The marker is not in the repr."""
        found = {each: _built(each) for each in _classes() if _secrets(each)}
        shown = {each for each, value in found.items() if MARK in repr(value)}
        self.assertEqual(shown, set())
        self.assertLessEqual({Step, Pipe, File, JobSpecification, Config}, set(found))

    def test_finds(self) -> None:
        """A new value that shows its secret would be found."""

        class Login(msgspec.Struct):
            name: str
            old_password: bytes | None

        self.assertIn(MARK, repr(_built(Login)))
        self.assertEqual(set(_secrets(Login)), {"old_password"})
