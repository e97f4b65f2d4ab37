"""Which variables a survey may ask for, and which values of special ones are accepted.

A task runner writes the answers, and the variable's name decides how a value is used.
Ansible takes its connection settings from variables ``ansible_*``: the value of
``ansible_connection``, ``ansible_python_interpreter`` or ``ansible_ssh_common_args``
can run a program on the server. A script receives secret answers in its environment,
where ``PATH`` or ``LD_PRELOAD`` can do the same. So a survey may ask for such a
variable only as an enumeration, whose values the template's author wrote, apart from
the exceptions below; and an answer that is put into the environment never has such a
name.

The rules are checked when a template is stored and again when a task starts.
"""

import re
from collections.abc import Sequence

from semaphore_twisted.model.apps import App
from semaphore_twisted.model.environment_names import has_power
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.logins import check_login
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.templates import SurveyType, SurveyVariable

#: Prefix of Ansible's own keys in JSON: they change the type of the object's value.
RESERVED = "__ansible_"
#: Those keys, and the variables that parts of Ansible pass to each other.
_INTERNAL = re.compile("_+ansible_")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LOGINS = frozenset({"ansible_user", "ansible_ssh_user", "ansible_become_user"})
_HOSTS = frozenset({"ansible_host", "ansible_ssh_host"})
_PORTS = frozenset({"ansible_port", "ansible_ssh_port"})
_PASSWORDS = frozenset(
    {
        *("ansible_password", "ansible_ssh_pass", "ansible_ssh_password"),
        *("ansible_become_password", "ansible_become_pass", "ansible_sudo_pass"),
        *("ansible_su_pass",),
    }
)
#: Variables that this server or Ansible sets for each run or host: an answer would be
#: overwritten, or redirect a connection to another host.
_OWN = frozenset(
    {
        *("semaphore_vars", "vars", "hostvars", "groups", "group_names", "omit"),
        *("inventory_hostname", "inventory_hostname_short", "inventory_dir"),
        *("inventory_file", "playbook_dir", "role_path", "play_hosts"),
    }
)
_HOST = re.compile(r"[A-Za-z0-9_\[]([A-Za-z0-9_.:%-]*[A-Za-z0-9_\]])?")


def is_own(name: str) -> bool:
    """Return whether a variable is set by Ansible or by this server."""
    return _INTERNAL.match(name) is not None or name in _OWN


def check_variable(name: str, field: str) -> None:
    """Accept a variable name of a variable group; its author may choose any other name.

    :raises Invalid: if Ansible would interpret the whole group as one value
    """
    if name.startswith(RESERVED):
        raise Invalid(
            f"{field}: invalid name {quoted(name)}; expected another name, since "
            "Ansible"
            f" gives names that begin with {RESERVED} a meaning of their own"
        )


def check_survey(survey: Sequence[SurveyVariable], app: App) -> None:
    """Accept the survey of a template.

    :raises Invalid: naming the variable that a task must not set
    """
    for each in survey:
        if not _NAME.fullmatch(each.name):
            raise Invalid(f"{quoted(each.name)} cannot be the name of a variable")
        if each.in_environment:
            _check_for_environment(each)
        elif app.is_ansible:
            _check_for_ansible(each)
        elif each.kind is SurveyType.SECRET and has_power(each.name):
            raise Invalid(
                f"survey_vars: {quoted(each.name)} cannot be a secret variable of a "
                "script:"
                " programs take settings from it; expected another name, or a variable"
                " group"
            )


def _check_for_environment(variable: SurveyVariable) -> None:
    """Refuse a name from which a program takes a setting.

    :raises Invalid:
    """
    if has_power(variable.name):
        raise Invalid(
            f"survey_vars: {quoted(variable.name)} cannot have the target env: "
            "programs take settings from it; expected another name, or a variable group"
        )


def _check_for_ansible(variable: SurveyVariable) -> None:
    """Refuse a name whose value Ansible would use as more than data.

    :raises Invalid:
    """
    name, kind = variable.name, variable.kind
    if is_own(name):
        raise Invalid(
            f"survey_vars: {quoted(name)} is a variable of Ansible's or of this "
            "server's own;"
            " expected another name"
        )
    if not name.startswith("ansible_") or kind is SurveyType.ENUM:
        return
    accepted = (
        name in _PORTS
        if kind is SurveyType.INTEGER
        else name in _PASSWORDS
        if kind is SurveyType.SECRET
        else kind is SurveyType.STRING and name in _LOGINS | _HOSTS
    )
    if not accepted:
        listed = ", ".join(sorted(_LOGINS | _HOSTS))
        raise Invalid(
            f"survey_vars: {quoted(name)} decides how Ansible connects or which "
            "program it"
            " runs; expected the type enum, another name, or one of"
            f" {listed} (string), {', '.join(sorted(_PORTS))} (int),"
            f" {', '.join(sorted(_PASSWORDS))} (secret)"
        )


def check_answer(variable: SurveyVariable, value: object, app: App) -> None:
    """Accept an answer to a variable that :func:`check_survey` accepted.

    :raises Invalid: naming the variable, never with the value
    """
    of_process = variable.in_environment or not app.is_ansible
    if of_process and "\0" in str(value):
        raise Invalid(
            f"{variable.name}: has a NUL character, which a process cannot receive;"
            " remove it"
        )
    if of_process or variable.kind is SurveyType.ENUM:
        return
    if variable.name in _LOGINS:
        check_login(str(value), variable.name)
    if variable.name in _HOSTS and not _HOST.fullmatch(str(value)):
        raise Invalid(
            f"{variable.name}: invalid value; expected the name or address of a host"
        )
