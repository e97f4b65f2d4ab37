"""Bodies that no route accepts: a sentence for each, and nothing is stored.

The valid bodies are those of ``permissions.txt``.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Any

import msgspec
from attrs import frozen

from semaphore_twisted.web.api.routes import ROUTES
from semaphore_twisted.web.http.openapi import document
from tests.support.http import Answer
from tests.support.permissions import MISSING, Row, rows
from tests.web.test_permissions import SiteCase

#: Bytes of a large body.
_MIB = 1 << 20

#: What is no value of a type, by the type in the document.
_WRONG: Mapping[str, object] = {
    "string": 7,
    "integer": "many",
    "number": "many",
    "boolean": "no such value",
    "array": "no such value",
    "object": "no such value",
}

#: Bodies that are no JSON, or none of an object.
_SHAPELESS = (
    b"{",
    b"[]",
    b'"text"',
    b"7",
    b"\xff\xfe",
    b'{"name": "\xff"}',
    b'{"a": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    b'{"a": ' + b'{"a": ' * 200 + b"1" + b"}" * 200 + b"}",
    b'{"a": [' + b"1," * 60_000 + b"1]}",
    b'{"a": 1e999, "id": 123456789012345678901234567890}',
)


@frozen
class Field:
    """A field of a body, or of an object in it; *body* returns one with a value."""

    name: str
    schema: Any
    body: Callable[[object], dict[str, Any]]


@lru_cache(maxsize=1)
def _document() -> Any:
    return msgspec.to_builtins(document(ROUTES, base=""))


def _taking() -> Iterator[tuple[Row, Any]]:
    """Yield each line whose route takes JSON, with the schema of its body."""
    whole = _document()
    routes = {(each.method, each.pattern): each for each in ROUTES}
    for row in rows():
        route = routes[row.method, row.pattern]
        if route.body is None or row.expected["administrator"] != "+":
            continue
        operation = whole["paths"][row.pattern.replace(":text}", "}")]
        content = operation[row.method.lower()]["requestBody"]["content"]
        yield row, _resolved(content["application/json"]["schema"])


def _resolved(schema: Any) -> Any:
    """Return the schema that *schema* refers to; of several, the first of an object."""
    for each in (schema, *schema.get("anyOf", ())):
        if "$ref" in each:
            name = each["$ref"].rpartition("/")[2]
            return _document()["components"]["schemas"][name]
    return schema


def _fields(schema: Any, valid: dict[str, Any]) -> Iterator[Field]:
    """Yield the fields of a body, and those of the objects and lists in it."""
    for name, field in schema.get("properties", {}).items():
        yield Field(name, field, partial(_with, valid, name))
        present = valid.get(name)
        usual = present if isinstance(present, dict) else {}
        for key, inner in _resolved(field).get("properties", {}).items():
            yield Field(
                f"{name}.{key}", inner, partial(_inside, valid, name, usual, key)
            )
        first = present[0] if isinstance(present, list) else {}
        for each in (field, *field.get("anyOf", ())):
            items = _resolved(each.get("items", {}))
            for key, inner in items.get("properties", {}).items():
                if isinstance(first, dict):
                    yield Field(
                        f"{name}[0].{key}",
                        inner,
                        partial(_in_list, valid, name, first, key),
                    )


def _with(valid: dict[str, Any], name: str, value: object) -> dict[str, Any]:
    return {**valid, name: value}


def _inside(
    valid: dict[str, Any], name: str, usual: dict[str, Any], key: str, value: object
) -> dict[str, Any]:
    return {**valid, name: {**usual, key: value}}


def _in_list(
    valid: dict[str, Any], name: str, first: dict[str, Any], key: str, value: object
) -> dict[str, Any]:
    return {**valid, name: [{**first, key: value}]}


def _types(schema: Any) -> set[str]:
    """Return the types that a field may have; none if any value is accepted."""
    if "$ref" in schema:
        return {"string", "object"}
    found = {schema["type"]} if "type" in schema else set()
    for each in schema.get("anyOf", ()):
        found |= _types(each)
    return found - {"null"}


def _wrong(types: set[str]) -> list[object]:
    """Return values that have none of *types*."""
    found = [_WRONG[each] for each in sorted(types)]
    return [
        each
        for each in found
        if not (isinstance(each, str) and "string" in types)
        and not (isinstance(each, int) and types & {"integer", "number"})
    ]


def _longest(schema: Any) -> int | None:
    """Return the length of a text field, if the document limits it."""
    lengths = [each.get("maxLength") for each in (schema, *schema.get("anyOf", ()))]
    return max((each for each in lengths if each is not None), default=None)


def _is_refusal(answer: Answer) -> bool:
    """Return whether *answer* refuses with a sentence, or each of several items."""
    said = answer.json or {}
    if answer.status == 207:  # a route for several objects
        return all(400 <= each["status"] < 500 for each in said["results"])
    return answer.status == 404 or (400 <= answer.status < 500 and "error" in said)


class BadBodyTests(SiteCase):
    """Each route that takes a body."""

    def refused(self, row: Row, body: bytes, what: str, field: str = "") -> str:
        """Send *body*; return what is wrong with the answer, or nothing.

        The refusal has to name the *field*, or the one that it is in.
        """
        answer = self.site.ask(row, "administrator", body=body)
        changed = self.site.changed()
        outer, inner = field.partition(".")[0], field.rpartition(".")[2]
        said = answer.body.decode().lower().replace(" ", "_")
        is_named = not field or outer.removesuffix("[0]") in said or inner in said
        if _is_refusal(answer) and is_named and not changed:
            return ""
        self.site.restore()
        return f"{row} {field} {what}: {answer.status} {said[:150]} {changed}"

    def check(self, found: Iterator[str]) -> None:
        """Report each sentence of *found*."""
        self.assertEqual([each for each in found if each], [])

    def valid(self, row: Row) -> dict[str, Any]:
        """Return the valid body of *row*."""
        found: dict[str, Any] = msgspec.json.decode(
            row.content(self.site.ids_of("administrator"))
        )
        return found

    def test_shapeless(self) -> None:
        """Bodies that are no JSON object, too deep, or of too many values."""
        self.check(
            self.refused(row, body, f"{body[:20]!r}")
            for row, _ in _taking()
            for body in _SHAPELESS
        )

    def test_types(self) -> None:
        """A value of a wrong type, in each field."""

        def found() -> Iterator[str]:
            for row, schema in _taking():
                for field in _fields(schema, self.valid(row)):
                    for each in _wrong(_types(field.schema)):
                        body = msgspec.json.encode(field.body(each))
                        yield self.refused(row, body, f"{each!r}", field.name)

        self.check(found())

    def test_missing(self) -> None:
        """A body without a value that the document requires."""
        self.check(
            self.refused(
                row,
                msgspec.json.encode(
                    {key: each for key, each in self.valid(row).items() if key != name}
                ),
                f"without {name}",
            )
            for row, schema in _taking()
            for name in schema.get("required", ())
        )

    def test_long_texts(self) -> None:
        """A text of one character more than the document permits, and of 1 MiB."""

        def found() -> Iterator[str]:
            for row, schema in _taking():
                for field in _fields(schema, self.valid(row)):
                    most = _longest(field.schema)
                    for length in (
                        () if most is None else (most + 1, max(most, _MIB) + 1)
                    ):
                        text = "x" * length
                        body = msgspec.json.encode(field.body(text))
                        yield self.refused(row, body, f"{length}", field.name)

        self.check(found())

    def test_ids(self) -> None:
        """A reference to an object of another project, and to none at all."""

        def found() -> Iterator[str]:
            for row, _ in _taking():
                usual = self.site.ids_of("administrator")
                for name in row.references:
                    if not isinstance(usual[name], int):
                        continue
                    other = self.site.foreign.get(name, MISSING)
                    for number in {other, MISSING} - {usual[name]}:
                        body = row.content({**usual, name: number})
                        yield self.refused(row, body, f"{name}={number}")

        self.check(found())

    def test_moved(self) -> None:
        """A body of another project than the path's, or of another object."""

        def found() -> Iterator[str]:
            for row, _ in _taking():
                if "project_id" not in row.parameters:
                    continue
                other = {"project_id": self.site.foreign["project_id"]}
                body = msgspec.json.encode({**self.valid(row), **other})
                yield self.refused(row, body, "of another project")
                if row.method == "PUT" and len(row.parameters) > 1:
                    body = msgspec.json.encode({**self.valid(row), "id": MISSING})
                    yield self.refused(row, body, "of another object")

        self.check(found())
