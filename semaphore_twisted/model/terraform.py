"""Rules of Terraform, OpenTofu and Terragrunt: arguments of phases, and workspaces.

The rules are checked when a text is saved and again when it is used.
"""

import re
from collections.abc import Callable, Mapping

import msgspec

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.inventories import DEFAULT_WORKSPACE
from semaphore_twisted.model.refusals import invalid, quoted

#: The longest approval, and that of a template that states none, in seconds.
LONGEST_APPROVAL = 30 * 86_400
USUAL_APPROVAL = 86_400

_WORKSPACE = re.compile(r"[A-Za-z0-9_~][A-Za-z0-9_.~-]{0,89}")
_BACKEND_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\.tf(?:\.json)?")


class PhaseArguments(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The arguments of a template or a task, by the phase that receives them."""

    init: tuple[str, ...] = ()
    plan: tuple[str, ...] = ()
    apply: tuple[str, ...] = ()

    @property
    def phases(self) -> Mapping[str, tuple[str, ...]]:
        """The arguments of each phase."""
        return {"init": self.init, "plan": self.plan, "apply": self.apply}


def phase_arguments(text: str | None, whose: str) -> PhaseArguments:
    """Return the arguments in the JSON *text*; none for an empty text or ``null``.

    A list is for the plan. An object has a list for each of its phases.

    :raises Invalid: naming *whose* arguments are neither, or have a NUL character
    """
    if not (text or "").strip():
        return PhaseArguments()
    try:
        found = msgspec.json.decode(
            text or "", type=tuple[str, ...] | PhaseArguments | None
        )
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise Invalid(
            f"{whose} arguments must be valid JSON: a list of texts for the plan, such "
            'as ["-parallelism=5"], or an object of lists with the keys init, plan and '
            'apply, such as {"init": ["-upgrade"]}'
        ) from None
    if isinstance(found, tuple):
        found = PhaseArguments(plan=found)
    for words in (found or PhaseArguments()).phases.values():
        if any("\0" in word for word in words):
            raise Invalid(f"{whose} arguments have a NUL character")
    return found or PhaseArguments()


#: Options that the server sets itself, with the reason or the setting to use.
_OWN = {
    "auto-approve": "set auto_approve of task_params instead",
    "out": "the server keeps the plan",
    "detailed-exitcode": "the server sets it",
    "input": "nobody can answer the program",
    "json": "the log and the approval need readable output",
}


def check_arguments(arguments: PhaseArguments) -> None:
    """Accept the arguments of a template; its author may choose most options.

    :raises Invalid: if one is an option that the server sets
    """
    for phase, words in arguments.phases.items():
        for word in words:
            reason = _OWN.get(_option(word))
            if reason is not None:
                raise Invalid(
                    f"arguments: {quoted(word)} is not accepted for {phase}: {reason}"
                )


def _option(word: str) -> str:
    """Return the name of the option in *word*, empty if there is none."""
    if not word.startswith("-"):
        return ""
    return word.removeprefix("-").removeprefix("-").partition("=")[0]


_ADDRESS = re.compile(r"[A-Za-z_][^\x00-\x1f\x7f]{0,1000}")
_NUMBER = re.compile(r"[0-9]{1,3}")
_DURATION = re.compile(r"[0-9]{1,5}(?:ms|s|m|h)")


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda value: bool(pattern.fullmatch(value))


_LOCKING = {
    "parallelism": _matches(_NUMBER),
    "lock-timeout": _matches(_DURATION),
}
_FLAGS = frozenset({"compact-warnings"})
#: Options that a task may add, by phase: with a value, and without.
_OF_TASKS: dict[str, tuple[dict[str, Callable[[str], bool]], frozenset[str]]] = {
    "init": ({}, frozenset()),
    "plan": (
        {
            **_LOCKING,
            **dict.fromkeys(("target", "replace", "exclude"), _matches(_ADDRESS)),
            "refresh": lambda value: value in {"true", "false"},
        },
        _FLAGS | {"refresh-only"},
    ),
    "apply": (_LOCKING, _FLAGS),
}


def check_task_arguments(arguments: PhaseArguments) -> None:
    """Accept the arguments that a task may add to those of its template.

    :raises Invalid: if one could set a variable, choose a file or a state, or destroy
    """
    for phase, words in arguments.phases.items():
        options, flags = _OF_TASKS[phase]
        for word in words:
            name, equals, value = _option(word), *word.partition("=")[1:]
            check = options.get(name)
            if (name in flags and not equals) or (
                check is not None and equals and check(value)
            ):
                continue
            accepted = [
                *(f"-{each}=VALUE" for each in options),
                *(f"-{each}" for each in sorted(flags)),
            ]
            raise Invalid(
                f"arguments: {quoted(word)} is not accepted from a task for {phase}; "
                f"expected {', '.join(accepted) or 'no argument'}"
            )


def check_workspace(name: str) -> str:
    """Return the name of a workspace, by default that which Terraform always has.

    Terraform accepts names that need no escaping in a URL.

    :raises Invalid: if it is another name, or could be read as an option or a path
    """
    name = name.strip() or DEFAULT_WORKSPACE
    if not _WORKSPACE.fullmatch(name):
        raise Invalid(
            invalid(
                "inventory",
                name,
                "the name of a workspace: up to 90 letters, digits, _ . ~ and -, not "
                "with - or . at the beginning",
            )
        )
    return name


def check_backend_file(name: str) -> None:
    """Accept the name of the file that declares the backend; it may be empty.

    :raises Invalid: if it is a path, or the program would not read it
    """
    if name and not _BACKEND_FILE.fullmatch(name):
        raise Invalid(
            invalid("backend_filename", name, "the name of a file that ends in .tf")
        )
