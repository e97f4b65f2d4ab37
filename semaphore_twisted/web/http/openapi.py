"""Generates the API's OpenAPI 3.1 document from the routes and their types."""

from collections.abc import Iterable, Mapping, Sequence
from inspect import getdoc

import msgspec
from msgspec import inspect

from semaphore_twisted.model.documents import JsonObject
from semaphore_twisted.model.users import Access
from semaphore_twisted.web.http.responses import OneOf, PlainText, StreamedResponse
from semaphore_twisted.web.http.routing import Route

#: The version of the API, not of the program, since the document is public.
CONTRACT = "1"

#: Fields that are accepted and never returned.
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

_BODIES = (
    "A request body is JSON whatever its Content-Type says. Names of fields match"
    " without case, unknown fields are ignored, and null counts as absent for a field"
    " that has no null in its schema. A schema without additional properties is read"
    " strictly."
)

_PREFIX = "#/components/schemas/"
_TEMPLATE = _PREFIX + "{name}"

#: The methods that OpenAPI 3.1 knows; LOCK and UNLOCK are Terraform's own.
_METHODS = frozenset(
    {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}
)

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
    "properties": {
        "error": {"type": "string"},
        "field": {
            "type": "string",
            "description": "The field of the request that is at fault, if it is one",
        },
        "inUse": {"type": "boolean"},
    },
    "required": ["error"],
}


def document(routes: Iterable[Route], *, base: str) -> dict[str, object]:
    """Return the document of *routes*, served below *base* (no final slash)."""
    chosen = list(routes)
    schemas = _Schemas(chosen)
    paths: dict[str, dict[str, object]] = {}
    for route in chosen:
        if route.method not in _METHODS:
            continue
        path = paths.setdefault(_path(route), {})
        path[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Semaphore",
            "summary": "Run Ansible playbooks and scripts",
            "description": _BODIES,
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


def _refusal(description: str) -> dict[str, object]:
    return {
        "description": description,
        "content": {
            "application/json": {"schema": {"$ref": _TEMPLATE.format(name="Error")}}
        },
    }


#: Component names of the refusals, by status, and their descriptions.
_NAMES = {
    400: "Refused",
    401: "NotAuthenticated",
    403: "NotPermitted",
    404: "NotFound",
    409: "Conflict",
    412: "ChangedMeanwhile",
    413: "TooLarge",
    423: "Locked",
    429: "TooManyAttempts",
    500: "Failed",
    503: "NotAvailable",
    507: "NoRoom",
}

_RESPONSES = {
    "Refused": _refusal("What was sent cannot be accepted"),
    "NotAuthenticated": {"description": "No credentials, or ones that ended"},
    "NotPermitted": {
        "description": "The right is missing; another reason is in ``error``"
    },
    "NotFound": {"description": "There is no such thing, or not for you"},
    "Conflict": _refusal("The present state does not allow it"),
    "ChangedMeanwhile": _refusal("The object has another tag than If-Match says"),
    "TooLarge": _refusal("The body is too large"),
    "Locked": {
        "description": "Another client has locked it; the body is its lock",
        "content": {"application/json": {"schema": {"type": "object"}}},
    },
    "TooManyAttempts": _refusal("Too many attempts; Retry-After tells when to go on"),
    "Failed": _refusal("A fault of the server; its log has more"),
    "NotAvailable": _refusal("What is needed does not answer now"),
    "NoRoom": _refusal("The server's disk is full"),
}


_ETAG = {
    "description": "The tag of the object, for If-Match",
    "schema": {"type": "string"},
}

_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "Tags that the object may have; without it, any",
    "schema": {"type": "string"},
}


class _Schemas:
    """The schemas of every body and response, by type.

    A type that is both sent and returned has two schemas: write-only fields are marked
    in the request's schema and blank in the other.
    """

    def __init__(self, routes: Sequence[Route]) -> None:
        bodies = [route.body for route in routes if route.body is not None]
        answers = [kind for route in routes for kind in _kinds(route.answer)]
        queries = [route.query for route in routes if route.query is not None]
        self._queries = {each: _query(each) for each in queries}
        self._bodies, sent = _described(bodies)
        self._answers, given = _described(answers)
        for component in sent.values():
            _hide(component)
        renamed = {
            name: f"{name}Shown"
            for name, component in given.items()
            if sent.get(name, component) != component
        }
        while True:  # a component that refers to a renamed one differs too
            others = {
                name: f"{name}Shown"
                for name, component in given.items()
                if name in sent and name not in renamed and _refers(component, renamed)
            }
            if not others:
                break
            renamed |= others
        given = {
            renamed.get(name, name): _renamed(component, renamed)
            for name, component in given.items()
        }
        self._answers = [
            (kind, _renamed(schema, renamed)) for kind, schema in self._answers
        ]
        self.components = {**sent, **given}

    def body(self, kind: object) -> object:
        """Return the schema of a request body."""
        return next(schema for each, schema in self._bodies if each == kind)

    def query(self, kind: type[msgspec.Struct]) -> list[dict[str, object]]:
        """Return the query parameters that are the fields of *kind*."""
        return self._queries[kind]

    def answer(self, kind: object) -> object:
        """Return the schema of a response."""
        schemas = [
            schema
            for one in _kinds(kind)
            for each, schema in self._answers
            if each == one
        ]
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _kinds(answer: object) -> tuple[object, ...]:
    """Return the types of a response that have a schema."""
    if answer is None or answer in (PlainText, StreamedResponse):
        return ()
    return answer.kinds if isinstance(answer, OneOf) else (answer,)


def _described(
    kinds: Iterable[object],
) -> tuple[list[tuple[object, object]], JsonObject]:
    """Return the schema of each type, and the components that they refer to."""
    types: list[object] = []
    for each in kinds:
        if each not in types:
            types.append(each)
    schemas, components = msgspec.json.schema_components(types, ref_template=_TEMPLATE)
    for name, field in _times(types):
        if name in components:
            _mark_time(components[name]["properties"][field])
    return list(zip(types, schemas, strict=True)), components


def _query(kind: type[msgspec.Struct]) -> list[dict[str, object]]:
    """Return the query parameters that are the fields of *kind*."""
    _, components = msgspec.json.schema_components([kind], ref_template="{name}")
    parameters: list[dict[str, object]] = []
    for name, found in components[kind.__name__]["properties"].items():
        # an absent parameter is null in the Struct; none is null in a request
        given = [each for each in found.pop("anyOf", ()) if each != {"type": "null"}]
        schema = {**found, **(given[0] if given else {})}
        if schema.get("default", ...) in {None, ""}:  # of an absent parameter
            del schema["default"]
        if "x-type" in schema:  # a number that is decoded as a text
            schema["type"] = schema.pop("x-type")
        schema.update(components.get(schema.pop("$ref", ""), {}))
        one: dict[str, object] = {
            "name": name,
            "in": "query",
            "required": False,
            "allowEmptyValue": True,  # an empty one counts as absent
        }
        if "description" in schema:
            one["description"] = schema.pop("description")
        parameters.append({**one, "schema": schema})
    return parameters


def _times(types: Iterable[object]) -> set[tuple[str, str]]:
    """Return the fields that are times, each with the name of its object."""
    times: set[tuple[str, str]] = set()
    seen: set[type] = set()
    left: list[object] = list(inspect.multi_type_info(types))
    while left:
        each = left.pop()
        if isinstance(each, inspect.StructType):
            if each.cls in seen:
                continue
            seen.add(each.cls)
            for field in each.fields:
                inner = field.type
                members = inner.types if isinstance(inner, inspect.UnionType) else ()
                if any(isinstance(m, inspect.DateTimeType) for m in (inner, *members)):
                    times.add((each.cls.__name__, field.encode_name))
                left.append(inner)
        elif isinstance(each, inspect.UnionType):
            left += each.types
        elif isinstance(each, inspect.Metadata):
            left.append(each.type)
        elif isinstance(each, inspect.ListType | inspect.VarTupleType):
            left.append(each.item_type)
        elif isinstance(each, inspect.DictType):
            left.append(each.value_type)
    return times


def _mark_time(schema: JsonObject) -> None:
    for each in (schema, *schema.get("anyOf", ())):
        if each.get("type") == "string":
            each["format"] = "date-time"


def _refers(value: object, names: Iterable[str]) -> bool:
    return bool(_renamed(value, dict.fromkeys(names, "")) != value)


def _renamed(value: object, names: Mapping[str, str]) -> object:
    """Return *value* with references to *names* changed."""
    if isinstance(value, dict):
        return {key: _renamed(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [_renamed(each, names) for each in value]
    if isinstance(value, str) and value.startswith(_PREFIX):
        name = value.removeprefix(_PREFIX)
        return _TEMPLATE.format(name=names[name]) if name in names else value
    return value


def _hide(component: JsonObject) -> None:
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


def _parameter(name: str, *, text: bool) -> dict[str, object]:
    schema = {"type": "string"} if text else {"type": "integer", "format": "int64"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _operation(route: Route, schemas: _Schemas) -> dict[str, object]:
    text = getdoc(route.handler) or ""
    summary, _, description = text.partition("\n\n")
    operation: dict[str, object] = {
        "operationId": route.name,
        "tags": [_tag(route)],
        "summary": " ".join(summary.split()).rstrip("."),
    }
    if description:
        operation["description"] = description
    parameters = [_parameter(each.name, text=each.text) for each in route.parameters]
    if route.query is not None:
        parameters += schemas.query(route.query)
    if route.tagged is not None and route.method != "GET":
        parameters.append(_IF_MATCH)
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        operation["requestBody"] = {
            "content": {"application/json": {"schema": schemas.body(route.body)}}
        }
    if route.raw and route.method == "POST":
        operation["requestBody"] = {"content": {"*/*": {"schema": {}}}}
    operation["responses"] = _responses(route, schemas)
    if route.access is Access.PUBLIC:
        operation["security"] = []
    else:
        operation["x-access"] = str(route.access)
    return operation


def _responses(route: Route, schemas: _Schemas) -> dict[str, object]:
    answer: dict[str, object] = {"description": "Done"}
    content: dict[str, object] = {}
    if route.answer is not None and route.answer is not PlainText:
        schema = (
            {} if route.answer is StreamedResponse else schemas.answer(route.answer)
        )
        content["application/json"] = {"schema": schema}
    for each in route.content or (() if content else ("text/plain",)):
        content[each] = {"schema": {"type": "string"}}
    if route.answer is not None:
        answer["content"] = content
    if route.tagged is not None and route.method == "GET":
        answer["headers"] = {"ETag": _ETAG}
    responses: dict[str, object] = {str(route.status): answer}
    for code in sorted(_codes(route)):
        responses[str(code)] = {"$ref": f"#/components/responses/{_NAMES[code]}"}
    return responses


def _codes(route: Route) -> set[int]:
    """Return the statuses of the refusals that *route* can have."""
    codes = {400, 500, 503, *route.refusals}
    if route.access is not Access.PUBLIC:
        codes |= {401, 403, 404, 409}
    if route.method != "GET":
        codes |= {403, 409, 507}
    if route.body is not None or route.raw:
        codes.add(413)
    if route.tagged is not None and route.method != "GET":
        codes.add(412)
    if route.parameters:
        codes.add(404)
    return codes
