"""How the variables of a job are written down for the programs that it runs."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from semaphore_twisted.jobs.order import JobOptions, JobOrder
from semaphore_twisted.jobs.workspace import literal, literals
from semaphore_twisted.model.errors import Invalid

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLAIN = re.compile(r"[\x20-\x7e]")
_ASTRAL = 0x10000


def task_details(order: JobOrder, options: JobOptions) -> dict[str, Any]:
    """Return ``semaphore_vars.task_details``, as Semaphore gives it to each run."""
    task, template = order.task, order.template
    details: dict[str, Any] = {
        "id": task.id,
        "username": order.username,
        "url": f"{options.web_host}/project/{task.project_id}/history?t={task.id}"
        if options.web_host
        else None,
        "repository_id": order.source.repository_id,
    }
    if task.inventory_id or template.inventory_id:
        details["inventory_id"] = task.inventory_id or template.inventory_id
    if task.message:
        details["message"] = task.message
    if template.type in {"build", "deploy"}:
        details["type"] = template.type
        if order.incoming_version:
            details["incoming_version"] = order.incoming_version
        if template.type == "build" and task.version:
            details["target_version"] = task.version
    return details


def task_environment(order: JobOrder) -> dict[str, str]:
    """Return the variables that build and deploy tasks get."""
    template = order.template
    if template.type not in {"build", "deploy"}:
        return {}
    found = {"SEMAPHORE_TASK_TYPE": template.type}
    if order.incoming_version:
        found["SEMAPHORE_TASK_INCOMING_VERSION"] = order.incoming_version
    if template.type == "build" and order.task.version:
        found["SEMAPHORE_TASK_TARGET_VERSION"] = order.task.version
    return literals(found)


def details_environment(details: Mapping[str, Any]) -> dict[str, str]:
    """Return *details* as ``SEMAPHORE_TASK_DETAILS_*``; what is null is left out."""
    return {
        f"SEMAPHORE_TASK_DETAILS_{name.upper()}": literal(text(value))
        for name, value in details.items()
        if value is not None
    }


def text(value: object) -> str:
    """Return a value as one text: texts as they are, others as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def checked_environment(pairs: Mapping[str, str]) -> dict[str, str]:
    """Return *pairs* for a step's environment, if a process can have them there.

    :raises Invalid: if a name is no variable's name, or a value has a NUL character.
    """
    for name, value in pairs.items():
        if not _NAME.fullmatch(name):
            raise Invalid(f"“{name}” cannot be the name of an environment variable")
        if "\0" in value:
            raise Invalid(f"The value of {name} has a NUL character")
    return literals(pairs)


def yaml_secrets(pairs: Mapping[str, str]) -> bytes:
    """Return *pairs* as YAML that Ansible reads as exact texts, never as templates.

    Names are marked as keys by ``?``: without it YAML takes 1,024 characters at most.
    """
    return "".join(
        f"? {_yaml(name)}\n: !unsafe {_yaml(value)}\n" for name, value in pairs.items()
    ).encode("ascii")


def _yaml(value: str) -> str:
    """Return *value* as a YAML double-quoted scalar of ASCII characters."""
    return '"' + "".join(map(_yaml_character, value)) + '"'


def _yaml_character(character: str) -> str:
    """Return one character as it is written in a YAML double-quoted scalar."""
    if character in '"\\':
        return f"\\{character}"
    if _PLAIN.fullmatch(character):
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < _ASTRAL else f"\\U{code:08x}"
