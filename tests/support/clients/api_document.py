"""Compare a server with its API document: generated requests, by schemathesis.

The arguments are the number of requests and the seed. ``IDS`` has the ids of existing
objects by the names of parameters, as JSON. A report is printed as JSON: the number of
requests, the answers by status, and each kind of mismatch with its first example.
"""

import contextlib
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

BASE = f"{os.environ['URL']}/api"
REQUESTS, SEED = int(sys.argv[1]), int(sys.argv[2])
IDS: Mapping[str, Any] = json.loads(os.environ["IDS"])

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]

#: The refusals of data that the document excludes; a 5xx is none.
REFUSALS = ["400", "401", "403", "404", "409", "412", "413", "429"]

#: Requests that would end the run: with them the administrator loses the account.
SPARED = {("DELETE", "/users/{user_id}"), ("POST", "/users/{user_id}/active")}

session = requests.Session()
session.verify = os.environ["CA"]
session.headers["Authorization"] = f"Bearer {os.environ['TOKEN']}"


def reading(document: Any) -> Any:
    """Return *document* as the server reads bodies: null is no value.

    A body's field that is null counts as absent, as Semaphore's clients send it; the
    document states only the type of a value.
    """
    schemas = document["components"]["schemas"]
    sent = _sent(document)
    for name in sent:
        schema = schemas[name]
        if schema.get("additionalProperties") is False:
            continue  # a body of this server's own, which is read strictly
        for key, field in schema.get("properties", {}).items():
            if key not in schema.get("required", ()):
                schema["properties"][key] = {"anyOf": [field, {"type": "null"}]}
    return document


def _sent(document: Any) -> set[str]:
    """Return the names of the schemas of bodies."""
    schemas = document["components"]["schemas"]
    left = [
        operation["requestBody"]
        for path in document["paths"].values()
        for operation in path.values()
        if "requestBody" in operation
    ]
    found: set[str] = set()
    while left:
        each = left.pop()
        if isinstance(each, list):
            left += each
        elif isinstance(each, dict):
            left += each.values()
            name = str(each.get("$ref", "")).rpartition("/")[2]
            if name and name not in found:
                found.add(name)
                left.append(schemas[name])
    return found


def operations(schema: Any) -> list[Any]:
    """Return the operations, those that delete last, and the inner objects first."""
    found = [each.ok() for each in schema.get_all_operations()]
    return sorted(
        (each for each in found if (each.method.upper(), each.path) not in SPARED),
        key=lambda each: (
            each.method.upper() == "DELETE",
            -each.path.count("/"),
            each.path,
        ),
    )


#: Fields of bodies that refer to an object, with the parameter that has its id.
REFERENCES = {
    **{name: name for name in IDS if name != "project_id"},
    **dict.fromkeys(
        ("ssh_key_id", "become_key_id", "auth_secret_id", "vault_key_id"), "key_id"
    ),
}


def connected(case: Any) -> Any:
    """Return *case*, whose body's references lead to objects that exist."""
    if isinstance(case.body, dict):
        for name in case.body.keys() & REFERENCES.keys():
            if case.body[name] is not None:
                case.body[name] = IDS[REFERENCES[name]]
    return case


def arrives(case: Any) -> bool:
    """Return whether each parameter of the query is sent.

    ``requests`` omits those without a value: what was generated as wrong is then right.
    """
    query = case.query or {}
    return all(value is not None and value not in ([], {}) for value in query.values())


class Run:
    """The requests that were made, and their faults."""

    def __init__(self) -> None:
        """Begin with none."""
        self.made = 0
        self.statuses: Counter[str] = Counter()
        self.wrong: dict[str, str] = {}

    def ask(self, case: Any) -> None:
        """Make a request, and compare the answer."""
        self.made += 1
        answer = case.call(base_url=BASE, session=session)
        self.statuses[str(answer.status_code)] += 1
        label = f"{case.operation.method.upper()} {case.operation.path}"
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as group:
            for each in group.exceptions:
                text = f"{each} | {case.as_curl_command()[:600]} | {answer.text[:200]}"
                self.wrong.setdefault(f"{label}: {type(each).__name__}", text)

    def try_out(self, operation: Any, strategy: Any, count: int) -> None:
        """Make *count* requests of *strategy*."""

        @seed(SEED)
        @settings(
            max_examples=count,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=strategy)
        def each(case: Any) -> None:
            assume(arrives(case))
            self.ask(case)

        with contextlib.suppress(Unsatisfiable):  # nothing that could be wrong
            each()


def strategies(operation: Any) -> Iterator[tuple[Any, float]]:
    """Yield what is tried out, with its share of the requests."""
    fixed = {
        each.name: IDS[each.name]
        for each in operation.path_parameters
        if each.name in IDS
    }
    right, wrong = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
    if fixed:
        found = operation.as_strategy(right, path_parameters=fixed)
        yield found.map(connected), 0.4
        yield operation.as_strategy(right), 0.2
    else:
        yield operation.as_strategy(right).map(connected), 0.6
    kept = fixed if operation.body or operation.query else {}
    yield operation.as_strategy(wrong, path_parameters=kept), 0.4


def main() -> None:
    """Make the requests, and print the report."""
    document = reading(session.get(f"{BASE}/openapi.json").json())
    config = SchemathesisConfig.from_dict(
        {"checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}}}
    )
    schema = schemathesis.openapi.from_dict(document, config=config)
    found = operations(schema)
    run = Run()
    for operation in found:
        for strategy, share in strategies(operation):
            count = max(1, round(REQUESTS / len(found) * share))
            run.try_out(operation, strategy, count)
    report = {
        "made": run.made,
        "operations": len(found),
        "statuses": dict(run.statuses),
        "wrong": run.wrong,
    }
    sys.stdout.write(json.dumps(report))


main()
