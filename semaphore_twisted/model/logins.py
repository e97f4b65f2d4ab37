"""Account names on remote machines, which are passed to ssh, git and Ansible.

The rule is OpenSSH's for a user name on its command line (``valid_ruser`` in ssh.c); it
also excludes characters with a meaning in a URL or a template.
"""

import re

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.refusals import quoted

#: A name such as ``DOMAIN\\name``, ``name@domain`` or ``first.last+x``, or a token.
_LOGIN = re.compile(r"(?!-)[^\s\x00-\x1f\x7f'`\"$;|&<>(){}\[\]*?!#%/:,=^~]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST = 255


def check_login(login: str, field: str, *, spaces: bool = False) -> None:
    """Accept a login; an empty one means the default.

    With *spaces* the name may contain single spaces, as in Windows account names.

    :raises Invalid: if a program could interpret it as an option, a command, a path or
        a template
    """
    if not login:
        return
    words = login.split(" ") if spaces else [login]
    plain = all(_LOGIN.fullmatch(word) for word in words)
    if len(login) > _LONGEST or login.endswith("\\") or not plain:
        raise Invalid(
            f"{field}: invalid login {quoted(login)}; expected the name of an"
            " account, such as root, first.last, name@domain or DOMAIN\\name"
        )


def check_option(login: str, field: str) -> None:
    """Accept the login of a password key, possibly for HTTP: any line but an option.

    If Ansible uses it, :func:`check_login` applies in addition.

    :raises Invalid: if a program could interpret it as an option, or it is not one line
    """
    if login.startswith("-") or any(
        ord(each) < 0x20 or each == "\x7f" for each in login
    ):
        raise Invalid(
            f"{field}: invalid login {quoted(login)}; expected one line that does not"
            " begin with a hyphen"
        )
