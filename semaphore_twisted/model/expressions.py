"""Texts that are variables of Ansible's own, such as ``playbook_dir``, as they are.

Ansible sets these from its arguments and evaluates them like a playbook's, so a path
must not hold an expression.
"""

import re

from semaphore_twisted.model.errors import Invalid

_EXPRESSION = re.compile(r"\{[{%#]")


def has_expression(text: str) -> bool:
    """Whether Ansible would evaluate something in *text*."""
    return _EXPRESSION.search(text) is not None


def check_plain(text: str, what: str) -> None:
    """Refuse a text in which Ansible would evaluate something.

    :raises Invalid: naming *what*
    """
    if has_expression(text):
        raise Invalid(
            f"{what}: invalid value; expected a path without “{{{{”, “{{%” and “{{#”,"
            " which Ansible would evaluate"
        )
