"""Limits, tags and the arguments that a task may add to a template's.

Ansible interprets more than names in these texts: ``@FILE`` in a limit is a file whose
lines appear in an error message; other arguments run programs or evaluate templates.
The rules are checked when a text is saved and again when it is used.
"""

import re
from collections.abc import Callable, Container, Sequence

from semaphore_twisted.model.answers import is_own
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.expressions import has_expression
from semaphore_twisted.model.logins import check_login
from semaphore_twisted.model.refusals import invalid, quoted

#: Ansible reads a file if a part of a limit begins with @; a part begins after a comma,
#: a colon, white space or an unmatched bracket.
_FILE = re.compile(r"(?<![\w.-])@")
_HOSTS = re.compile(r"[&!]?[\w*?\[][\w.*?\[\]:;&!%+@/-]*")
_TAG = re.compile(r"\w[\w .:/@+=-]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORD = re.compile(r"[A-Za-z0-9_.,:/+%-]*")
_NUMBER = re.compile(r"[0-9]{1,4}")


def listed(text: str) -> tuple[str, ...]:
    """Return the non-empty parts of a comma-separated text."""
    return tuple(part for part in (piece.strip() for piece in text.split(",")) if part)


def selected(sent: str | Sequence[str], field: str) -> tuple[str, ...]:
    """Return the parts of a limit or of tags that are sent as a text or as a list.

    Commas separate parts in both, except in a regular expression of a list.

    :raises Invalid: if it is not empty and has no part: it would select everything
    """
    if isinstance(sent, str):
        found = listed(sent)
        given = bool(sent)
    else:
        found = tuple(
            part
            for each in sent
            for part in ((each,) if _is_regular(each) else listed(each))
        )
        given = any(sent)
    if given and not found:
        raise Invalid(invalid(field, sent, "names, or an empty text for none"))
    return found


def _is_regular(part: str) -> bool:
    return part.lstrip("&!").startswith("~")


def check_hosts(part: str, *, names_only: bool = True) -> None:
    """Accept one part of a limit: a host, a group, or a pattern of these.

    Without *names_only*, for texts of a template's author, regular expressions
    (``~web.*``) are accepted too.

    :raises Invalid: if Ansible would read a file, or interpret more than names
    """
    expected = "a host, a group or a pattern such as web*, web[0:2] or !db"
    if _FILE.search(part):
        raise Invalid(invalid("limit", part, f"no file, but {expected}"))
    regular = not names_only and _is_regular(part)
    if regular and not _CONTROL.search(part) and not has_expression(part):
        return
    if not _HOSTS.fullmatch(part):
        raise Invalid(invalid("limit", part, expected))


def check_tag(tag: str, field: str = "tags") -> None:
    """Accept the name of a tag.

    :raises Invalid: if it is something else
    """
    if not _TAG.fullmatch(tag):
        raise Invalid(
            invalid(
                field,
                tag,
                "a name of letters, digits and _ - . : / that begins with a letter, a "
                "digit or _",
            )
        )


def check_task_arguments(
    words: Sequence[str], declared: Container[str] = frozenset()
) -> None:
    """Accept the arguments that a task may add to those of an Ansible template.

    *declared* are the variables of its survey, whose answers have rules of their own.

    :raises Invalid: if one could run a program, read a file, or set a restricted
        variable
    """
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in _FLAGS or re.fullmatch("-v{1,6}", word):
            continue
        name, equals, value = word.partition("=")
        if not (equals and name.startswith("--") and name in _VALUES):
            if word not in _VALUES or not rest:
                raise Invalid(_refusal(word))
            name, value = word, rest.pop(0)
        _VALUES[name](value)
        if name in _EXTRA:
            _check_declared(value, declared)


def _refusal(word: str) -> str:
    accepted = ", ".join(
        sorted(each for each in (*_FLAGS, *_VALUES) if each.startswith("--"))
    )
    if word in _VALUES:
        return f"arguments: {quoted(word)} has no value"
    return (
        f"arguments: {quoted(word)} is not accepted from a task; expected"
        f" -v or {accepted}"
    )


def _hosts(value: str) -> None:
    for part in _parts(value, "limit"):
        check_hosts(part)


def _tags(value: str) -> None:
    for part in _parts(value, "tags"):
        check_tag(part)


def _parts(value: str, field: str) -> tuple[str, ...]:
    """Return the parts of an argument's value; an empty one would select everything."""
    found = selected(value, field)
    if not found:
        raise Invalid(f"arguments: the {field} is empty; leave it out")
    return found


def _check_declared(value: str, declared: Container[str]) -> None:
    """Refuse to replace an answer to the survey.

    :raises Invalid: naming the variable
    """
    for pair in value.split(" "):
        name = pair.partition("=")[0]
        if name in declared:
            raise Invalid(
                f"arguments: the survey asks for {quoted(name)}; answer it there"
            )


def _number(value: str) -> None:
    if not _NUMBER.fullmatch(value):
        raise Invalid(f"arguments: invalid number {quoted(value)}; expected 0 to 9999")


def _title(value: str) -> None:
    if _CONTROL.search(value) or has_expression(value) or not value.strip():
        raise Invalid(f"arguments: {quoted(value)} is not the name of a task")


def _variables(value: str) -> None:
    """Accept variables whose values contain no template, expression or file.

    A word of the accepted characters has the same meaning for Ansible, YAML and Jinja.
    Names that decide how Ansible connects or which program it runs are refused.
    """
    for pair in value.split(" "):
        name, equals, text = pair.partition("=")
        if (
            not equals
            or not _VARIABLE.fullmatch(name)
            or not _WORD.fullmatch(text)
            or name.startswith("ansible_")
            or is_own(name)
        ):
            raise Invalid(
                f"arguments: invalid variable {quoted(pair)}; expected NAME=VALUE"
                " with a value of letters, digits and _ . , : / + % -, and a name that"
                " is not Ansible's own; declare other variables in the survey"
            )


def _login(value: str) -> None:
    check_login(value, "arguments")


_FLAGS = frozenset(
    {
        *("--become", "-b", "--check", "-C", "--diff", "-D", "--verbose"),
        *("--flush-cache", "--force-handlers", "--syntax-check"),
        *("--list-hosts", "--list-tags", "--list-tasks"),
    }
)
_EXTRA = ("--extra-vars", "-e")
_VALUES: dict[str, Callable[[str], None]] = {
    **dict.fromkeys(("--limit", "-l"), _hosts),
    **dict.fromkeys(("--tags", "-t", "--skip-tags"), _tags),
    **dict.fromkeys(("--forks", "-f", "--timeout", "-T"), _number),
    **dict.fromkeys(_EXTRA, _variables),
    **dict.fromkeys(("--user", "-u", "--become-user"), _login),
    "--start-at-task": _title,
}
