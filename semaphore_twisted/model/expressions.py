"""Refuses template expressions in texts that become Ansible's own variables.

Ansible sets variables such as ``playbook_dir`` from its arguments and evaluates them
like those of a playbook, so a path must not contain an expression.
"""

import re

from semaphore_twisted.model.errors import Invalid

_EXPRESSION = re.compile(r"\{[{%#]")


def has_expression(text: str) -> bool:
    """Return whether *text* contains an expression that Ansible would evaluate."""
    return _EXPRESSION.search(text) is not None


def check_plain(text: str, what: str) -> None:
    """Refuse a text that contains an expression that Ansible would evaluate.

    :raises Invalid: naming *what*
    """
    if has_expression(text):
        raise Invalid(
            f"{what}: invalid value; expected a path without {{{{, {{% and {{#,"
            " which Ansible would evaluate"
        )
