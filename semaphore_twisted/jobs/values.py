"""The form in which each value of an order reaches the program that a job runs.

Every file, argument and environment variable that carries a value of an order is made
here. The form depends on the author of the value (the table in
``docs/architecture.md`` lists each field):

* The project's managers write variable groups, templates and inventories. Ansible
  takes the plain variables of a group and the template's arguments as templates.
* Everything else is data for Ansible: exact text that is never a template, a number, a
  boolean, or a list or mapping of these. That holds for survey answers and messages
  (task runners), for user names (each account) and for secrets, whose text must not be
  read as YAML.
* An app that plans, such as Terraform, receives all variables in a file in memory, as
  exact text, and the task's details in its environment.
* A script receives plain variables as arguments ``NAME=value``, and secrets and the
  task's details in its environment.
"""

import json
import math
import re
from collections.abc import Mapping

import msgspec

from semaphore_twisted.jobs.details import build_details, task_details
from semaphore_twisted.jobs.job_inputs import JobOptions, JobOrder
from semaphore_twisted.jobs.parameters import arguments, effective_params
from semaphore_twisted.jobs.workspace import WORKSPACE, literal, literals
from semaphore_twisted.model.answers import RESERVED
from semaphore_twisted.model.documents import check_depth
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.jobs import File, Pipe
from semaphore_twisted.model.refusals import quoted

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: Marks a text that Ansible does not evaluate, in its JSON.
_UNSAFE = "__ansible_unsafe"
#: The largest argument or environment variable that Linux takes (MAX_ARG_STRLEN).
_LONGEST = 128 * 1024 - 1

_TEMPLATED = "variables/variables.json"
_EXACT = "variables/exact.json"

#: The file in memory with the variables of an app that plans.
_TFVARS = "variables"
#: An identifier of Terraform, without letters beyond ASCII.
_TERRAFORM_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
#: Characters of a text that are escaped; ``$`` and ``%`` may begin a template.
_SPECIAL = re.compile(r'[\x00-\x1f\x7f"\\$%]')


# For Ansible.


def extra_variables(
    order: JobOrder, options: JobOptions
) -> tuple[tuple[File, ...], tuple[str, ...]]:
    """Return the files with the variables, and the arguments that name them.

    The file of exact values comes last, so nothing in a variable group replaces one.

    :raises Invalid: if a value cannot be written exactly
    """
    exact_values = {
        **order.secret_variables,
        **order.answers,
        **order.secret_answers,
        "semaphore_vars": {"task_details": task_details(order, options)},
    }
    templated = {
        name: value
        for name, value in order.variables.items()
        if name not in exact_values
    }
    for name, value in {**templated, **exact_values}.items():
        check_depth(value, f"The variable {name}")
    files = (
        File(path=_TEMPLATED, content=_json(templated)),
        File(path=_EXACT, content=_json(exact(exact_values))),
    )
    return files, tuple(f"--extra-vars=@{WORKSPACE}/{file.path}" for file in files)


def exact(value: object) -> object:
    """Return *value* in Ansible's JSON with each text marked as no template.

    Its depth was checked. Tried with ansible-core 2.17 to 2.21, nested values too. YAML
    is not used: its texts are numbers, dates or merge keys in some versions.

    :raises Invalid: if Ansible could not receive the same value
    """
    match value:
        case str():
            return {_UNSAFE: value}
        case bool() | int() | None:
            return value
        case float():
            if math.isfinite(value):
                return value
            raise Invalid(f"A variable is {value}, which JSON cannot express")
        case list() | tuple():
            return [exact(each) for each in value]
        case dict():
            return {_key(name): exact(each) for name, each in value.items()}
    raise Invalid(f"A variable is a {type(value).__name__}, which JSON cannot express")


def _key(name: object) -> str:
    """Return the name of a variable or of a field in one."""
    if not isinstance(name, str) or name.startswith(RESERVED):
        raise Invalid(
            f"The variable name {quoted(str(name))} is not accepted: names that begin "
            f"with {RESERVED} have a meaning of their own for Ansible"
        )
    return name


def _json(values: object) -> bytes:
    """Return *values* as JSON.

    :raises Invalid: if a text is not Unicode
    """
    try:
        return msgspec.json.encode(values)
    except UnicodeEncodeError:
        raise Invalid("A variable has a character that is not Unicode") from None


def ansible_arguments(order: JobOrder, *, playbook: str) -> tuple[str, ...]:
    """Return the arguments that say what to run, how, and on which hosts."""
    params = effective_params(order.template, order.task)
    own, asked = arguments(order.template, order.task)
    chosen = (
        ("--limit", params.limit),
        ("--tags", params.tags),
        ("--skip-tags", params.skip_tags),
    )
    words = (
        *own,
        *asked,
        *(f"{option}={','.join(parts)}" for option, parts in chosen if parts),
        playbook,
    )
    return tuple(map(literal, words))


def verbosity(order: JobOrder) -> tuple[str, ...]:
    """Return the arguments for verbosity, diff and dry run."""
    params = effective_params(order.template, order.task)
    return (
        *(("-" + "v" * params.verbosity,) if params.verbosity else ()),
        *(("--diff",) if params.diff else ()),
        *(("--check",) if params.dry_run else ()),
    )


def ansible_environment(order: JobOrder) -> dict[str, str]:
    """Return the environment variables of an order for Ansible.

    :raises Invalid: if a process cannot have one of them
    """
    return {
        **checked_environment(build_details(order)),
        **checked_environment(order.environment),
        **checked_environment(order.secret_environment),
    }


# For scripts.


def script_arguments(order: JobOrder, *, script: str) -> tuple[str, ...]:
    """Return the script and its arguments, in Semaphore's order.

    These are the template's arguments, ``NAME=value`` for each plain variable, with the
    app's option for variables before it if there is one, then the task's arguments.

    :raises Invalid: if a process cannot have one of them
    """
    own, asked = arguments(order.template, order.task)
    variables = {**order.variables, **order.answers}
    for name, value in variables.items():
        check_depth(value, f"The variable {name}")
        _check_size(name, text(value))
    option = (order.app.variable_option,) if order.app.variable_option else ()
    pairs = (
        word
        for name, value in variables.items()
        for word in (*option, f"{name}={text(value)}")
    )
    return tuple(map(literal, (script, *own, *pairs, *asked)))


def script_environment(order: JobOrder, options: JobOptions) -> dict[str, str]:
    """Return the environment variables of an order for a script.

    :raises Invalid: if a process cannot have one of them
    """
    return _environment(
        build_details(order),
        _details(order, options),
        order.environment,
        order.secret_environment,
        order.secret_variables,
        order.secret_answers,
    )


def _details(order: JobOrder, options: JobOptions) -> dict[str, str]:
    """Return the environment variables with the task's details."""
    return {
        f"SEMAPHORE_TASK_DETAILS_{name.upper()}": text(value)
        for name, value in task_details(order, options).items()
        if value is not None
    }


def _environment(*groups: Mapping[str, str]) -> dict[str, str]:
    """Return the checked variables of all *groups*; those of a later group win."""
    found: dict[str, str] = {}
    for each in groups:
        found |= checked_environment(each)
    return found


# For apps that plan.


def plan_variables(order: JobOrder) -> tuple[Pipe | None, tuple[str, ...]]:
    """Return the file in memory with all variables, and the argument that names it.

    The file has Terraform's own syntax, since only a file whose name ends in ``.json``
    is read as JSON. Each text in it is exact: no template, and no interpolation.

    :raises Invalid: if a name or a value cannot be written
    """
    variables = {
        **order.variables,
        **order.secret_variables,
        **order.answers,
        **order.secret_answers,
    }
    if not variables:
        return None, ()
    for name, value in variables.items():
        check_depth(value, f"The variable {name}")
        if not _TERRAFORM_NAME.fullmatch(name):
            raise Invalid(f"{quoted(name)} cannot be the name of a Terraform variable")
    lines = (f"{name} = {_expression(value)}\n" for name, value in variables.items())
    try:
        content = "".join(lines).encode()
    except UnicodeEncodeError:
        raise Invalid("A variable has a character that is not Unicode") from None
    pipe = Pipe(name=_TFVARS, content=content, reread=True)
    return pipe, (f"-var-file={{pipe:{_TFVARS}}}",)


def _expression(value: object) -> str:
    """Return *value*, whose depth was checked, in Terraform's syntax.

    :raises Invalid: if it is a number that Terraform does not know
    """
    match value:
        case str():
            return f'"{_SPECIAL.sub(_escape, value)}"'
        case list() | tuple():
            return f"[{', '.join(map(_expression, value))}]"
        case dict():
            pairs = (
                f"{_expression(name)} = {_expression(each)}"
                for name, each in value.items()
            )
            return f"{{{', '.join(pairs)}}}"
        case None | bool() | int() | float():
            if not isinstance(value, float) or math.isfinite(value):
                return json.dumps(value)
    raise Invalid(f"A variable is {value}, which Terraform cannot express")


def _escape(character: re.Match[str]) -> str:
    return f"\\u{ord(character[0]):04x}"


def plan_environment(order: JobOrder, options: JobOptions) -> dict[str, str]:
    """Return the environment variables of an order for an app that plans.

    :raises Invalid: if a process cannot have one of them
    """
    return _environment(
        build_details(order),
        _details(order, options),
        order.environment,
        order.secret_environment,
    )


def text(value: object) -> str:
    """Return a value as one text: a text unchanged, another value as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def checked_environment(pairs: Mapping[str, str]) -> dict[str, str]:
    """Return *pairs* for a step's environment, if a process can have them there.

    :raises Invalid: if a name is no variable's name, or a value is too long or has a
        NUL character
    """
    for name, value in pairs.items():
        if not _NAME.fullmatch(name):
            raise Invalid(
                f"{quoted(name)} cannot be the name of an environment variable"
            )
        _check_size(name, value)
    return literals(pairs)


def _check_size(name: str, value: str) -> None:
    """Refuse a value that no process can receive as ``NAME=value``.

    :raises Invalid: with the name, never with the value
    """
    if "\0" in value:
        raise Invalid(f"The value of {name} has a NUL character")
    size = len(f"{name}={value}".encode(errors="replace"))
    if size > _LONGEST:
        raise Invalid(
            f"{name} has {size} bytes with its value; a program receives at most"
            f" {_LONGEST}: use a file"
        )
