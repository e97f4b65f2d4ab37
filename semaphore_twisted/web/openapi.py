"""The API's document (OpenAPI 3.1), made from the routes and their values."""

from collections.abc import Iterable, Sequence
from inspect import getdoc
from typing import Any

import msgspec

from semaphore_twisted.model.users import Access
from semaphore_twisted.web.answers import PlainText, Streamed
from semaphore_twisted.web.routing import Route

#: The version of the contract, not of the program: anybody may read the document.
CONTRACT = "1"

#: Fields that are taken and never given.
SECRETS = frozenset(
    {
        "current_password",
        "new_password",
        "passphrase",
        "password",
        "private_key",
        "secret",
        "string",
    }
)

_TEMPLATE = "#/components/schemas/{name}"

_SECURITY: list[dict[str, list[str]]] = [{"bearer": []}, {"cookie": []}]

_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API token, from POST /user/tokens",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "semaphore",
        "description": "The session, from POST /auth/login",
    },
}

_ERROR = {
    "type": "object",
    "properties": {"error": {"type": "string"}, "inUse": {"type": "boolean"}},
    "required": ["error"],
}


def document(routes: Iterable[Route], *, base: str) -> dict[str, Any]:
    """Return the document of *routes*, served below *base* (no final slash)."""
    chosen = list(routes)
    schemas = _Schemas(chosen)
    paths: dict[str, dict[str, Any]] = {}
    for route in chosen:
        path = paths.setdefault(_path(route), {})
        path[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Semaphore",
            "summary": "Run Ansible playbooks and scripts",
            "version": CONTRACT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": f"{base}/api"}],
        "security": _SECURITY,
        "tags": [{"name": tag} for tag in sorted({_tag(each) for each in chosen})],
        "paths": paths,
        "components": {
            "schemas": {**schemas.components, "Error": _ERROR},
            "securitySchemes": _SCHEMES,
            "responses": _RESPONSES,
        },
    }


_RESPONSES = {
    "Refused": {
        "description": "What was sent cannot be accepted",
        "content": {
            "application/json": {"schema": {"$ref": _TEMPLATE.format(name="Error")}}
        },
    },
    "NotAuthenticated": {"description": "No credentials, or ones that ended"},
    "NotPermitted": {"description": "The right is missing"},
    "NotFound": {"description": "There is no such thing, or not for you"},
}


class _Schemas:
    """The schemas of every body and answer, by type."""

    def __init__(self, routes: Sequence[Route]) -> None:
        types: list[Any] = []
        for route in routes:
            for each in (route.body, route.answer):
                if _described(each) and each not in types:
                    types.append(each)
        schemas, components = msgspec.json.schema_components(
            types, ref_template=_TEMPLATE
        )
        self._of = list(zip(types, schemas, strict=True))
        self.components = components
        for component in components.values():
            _hide(component)

    def of(self, kind: Any) -> Any:
        """Return the schema of *kind*."""
        return next(schema for each, schema in self._of if each == kind)


def _described(kind: Any) -> bool:
    return kind is not None and kind not in {PlainText, Streamed}


def _hide(component: dict[str, Any]) -> None:
    for name, schema in component.get("properties", {}).items():
        if name in SECRETS:
            schema["writeOnly"] = True


def _path(route: Route) -> str:
    path = route.pattern
    for each in route.parameters:
        if each.text:
            path = path.replace(f"{{{each.name}:text}}", f"{{{each.name}}}")
    return path


def _tag(route: Route) -> str:
    return route.name.partition(".")[0]


def _parameter(name: str, *, text: bool) -> dict[str, Any]:
    schema = {"type": "string"} if text else {"type": "integer", "format": "int64"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _operation(route: Route, schemas: _Schemas) -> dict[str, Any]:
    text = getdoc(route.handler) or ""
    summary, _, description = text.partition("\n\n")
    operation: dict[str, Any] = {
        "operationId": route.name,
        "tags": [_tag(route)],
        "summary": " ".join(summary.split()).rstrip("."),
    }
    if description:
        operation["description"] = description
    if route.parameters:
        operation["parameters"] = [
            _parameter(each.name, text=each.text) for each in route.parameters
        ]
    if route.body is not None:
        operation["requestBody"] = {
            "content": {"application/json": {"schema": schemas.of(route.body)}}
        }
    operation["responses"] = _responses(route, schemas)
    if route.access is Access.PUBLIC:
        operation["security"] = []
    else:
        operation["x-access"] = str(route.access)
    return operation


def _responses(route: Route, schemas: _Schemas) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": "Done"}
    if route.answer is PlainText:
        answer["content"] = {"text/plain": {"schema": {"type": "string"}}}
    elif route.answer is not None:
        schema = {} if route.answer is Streamed else schemas.of(route.answer)
        answer["content"] = {"application/json": {"schema": schema}}
    responses = {str(route.status): answer}

    def may(code: int, name: str) -> None:
        responses[str(code)] = {"$ref": f"#/components/responses/{name}"}

    if route.body is not None or route.parameters:
        may(400, "Refused")
    if route.access is not Access.PUBLIC:
        may(401, "NotAuthenticated")
    if route.access not in {Access.PUBLIC, Access.USER, Access.MEMBER}:
        may(403, "NotPermitted")
    if route.parameters:
        may(404, "NotFound")
    return responses
