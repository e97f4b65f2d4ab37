"""Checks an answer against the API document: status, content type and body."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec

from semaphore_twisted.web.api.routes import ROUTES
from semaphore_twisted.web.http.openapi import document
from semaphore_twisted.web.http.routing import Router

#: Statuses that are answered before a route is searched.
_BEFORE = {405, 421}

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


@lru_cache(maxsize=1)
def _document() -> Any:
    return msgspec.to_builtins(document(ROUTES, base=""))


@lru_cache(maxsize=1)
def _router() -> Router:
    return Router(ROUTES)


def mismatches(
    method: str, path: str, status: int, content_type: str, body: bytes
) -> list[str]:
    """Return how the answer to a request below ``/api`` differs from the document."""
    if status in _BEFORE:
        return []
    try:
        route = _router().match(method, path.encode()).route
    except Exception:  # noqa: BLE001 - no route: there is nothing to compare with
        return []
    whole = _document()
    pattern = route.pattern.replace(":text}", "}")
    operation = whole["paths"].get(pattern, {}).get(route.method.lower())
    if operation is None:  # OpenAPI does not know LOCK and UNLOCK
        return []
    answer = operation["responses"].get(str(status))
    where = f"{method} {route.pattern}: {status}"
    if answer is None:
        return [f"{where} is not documented"]
    if "$ref" in answer:
        answer = whole["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    wrong = _content(answer.get("content", {}), method, status, content_type, body)
    return [f"{where} {each}" for each in wrong]


def _content(
    content: dict[str, Any], method: str, status: int, content_type: str, body: bytes
) -> Iterator[str]:
    """Yield how a body differs from the documented *content*."""
    kind = content_type.partition(";")[0].strip()
    if not body or method == "HEAD":
        # errors that Semaphore sends without a body, and empty texts
        text = any(each != "application/json" for each in content)
        if content and not text and status not in {401, 403, 404} and method != "HEAD":
            yield "has no body"
    elif not content and status == 403:
        return  # an error for a page of another origin
    elif kind not in content:
        yield f"has the content type {content_type}"
    elif kind == "application/json":
        yield from _check(content[kind]["schema"], msgspec.json.decode(body), "$")


def _check(schema: Any, value: Any, where: str) -> Iterator[str]:
    """Yield how *value* differs from *schema*."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        schema = _document()["components"]["schemas"][name]
    if "anyOf" in schema:
        found = [list(_check(each, value, where)) for each in schema["anyOf"]]
        if all(found):
            yield from min(found, key=len)
        return
    kind = schema.get("type")
    if kind is not None and (
        not isinstance(value, _TYPES[kind])
        or (isinstance(value, bool) and kind in {"integer", "number"})
    ):
        yield f"{where}: {value!r:.60} is no {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r:.60} is none of {schema['enum']}"
    if isinstance(value, str) and len(value) > schema.get("maxLength", len(value)):
        yield f"{where}: {len(value)} characters"
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from _check(schema.get("items", {}), each, f"{where}[{index}]")
    if isinstance(value, dict):
        yield from _check_object(schema, value, where)


def _check_object(schema: Any, value: dict[str, Any], where: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{where}.{name} is missing"
    for name, each in value.items():
        inner = properties.get(name)
        if inner is None:
            more = schema.get("additionalProperties", not properties)
            if more is False:
                yield f"{where}.{name} is not documented"
            elif isinstance(more, dict):
                yield from _check(more, each, f"{where}.{name}")
        else:
            if inner.get("writeOnly"):
                yield f"{where}.{name} is documented as never given"
            yield from _check(inner, each, f"{where}.{name}")
