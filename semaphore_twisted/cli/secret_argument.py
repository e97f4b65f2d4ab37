"""Secrets as arguments: from a file, from standard input, or in argv with a warning.

Other users of a machine see argv, and shells store it, so help texts show the form with
a file first. ``--password-file -``, and ``--password -``, read standard input.
"""

import argparse
import getpass
import sys

from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.start.operator_files import read_file

#: Maximum size of a secret in bytes: that of the key store.
LONGEST = 64 * 1024


def add(
    parser: argparse.ArgumentParser,
    option: str,
    *,
    help: str = "the secret",  # noqa: A002 - as argparse calls it
    required: bool = False,
    instead: str = "",
    instead_help: str = "",
) -> None:
    """Add *option* (such as ``--password``) and its ``-file`` form to *parser*.

    *instead* is a switch that is given in place of the secret, if there is one.
    """
    group = parser.add_mutually_exclusive_group(required=required)
    group.add_argument(
        f"{option}-file",
        metavar="FILE",
        help=f"{help}, from the first line of a file; - is standard input",
    )
    group.add_argument(
        option,
        metavar="TEXT",
        help="the same as an argument, which other users of this machine can see; "
        "- is standard input",
    )
    if instead:
        group.add_argument(instead, action="store_true", help=instead_help)


def read(arguments: argparse.Namespace, name: str) -> str | None:
    """Return the secret called *name*, or ``None`` without one.

    Only a final newline is removed.

    :raises CommandError: if the file cannot be read or is not text
    """
    attribute = name.strip("-").replace("-", "_")
    option = "--" + attribute.replace("_", "-")
    path: str | None = getattr(arguments, f"{attribute}_file", None)
    text: str | None = getattr(arguments, attribute, None)
    if path is None and text is None:
        return None
    if "-" in (path, text):
        return _standard_input(option)
    if path == "":
        raise CommandError(f"{option}-file: empty value; expected a path")
    if path is None:
        print(
            f"semaphore: warning: {option} can be seen by other users in the "
            f"list of processes; use {option}-file",
            file=sys.stderr,
        )
        return text
    try:
        return _text(read_file(path, LONGEST), f"{option}-file: {path}")
    except OSError as error:
        raise CommandError(f"{option}-file: {path}: {error.strerror}") from error


def _standard_input(option: str) -> str:
    if sys.stdin.isatty():
        try:
            return getpass.getpass(f"{option.lstrip('-')}: ")
        except (EOFError, KeyboardInterrupt) as error:
            raise CommandError(f"{option}: nothing was typed") from error
    buffer = getattr(sys.stdin, "buffer", None)
    content = sys.stdin.read().encode() if buffer is None else buffer.read(LONGEST + 1)
    return _text(content, f"{option}: standard input")


def _text(content: bytes, where: str) -> str:
    if len(content) > LONGEST:
        raise CommandError(f"{where}: more than 64 KiB; expected a secret")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise CommandError(f"{where}: the text is not UTF-8") from error
    return text.removesuffix("\n").removesuffix("\r")
