"""``semaphore tls``: the served certificate and its renewal.

Each command is a module of its own, which is imported on demand.
"""

import argparse

from semaphore_twisted.cli.late_parser import LateParser

#: Command, its module in this package, summary.
COMMANDS: tuple[tuple[str, str, str], ...] = (
    ("show", "tls.show", "show the certificate and the state of its renewal"),
    ("renew", "tls.renew", "issue or order a new certificate now"),
    ("reload", "tls.renew", "make the server reload its certificate now"),
    ("trust", "tls.trust", "make this system trust the local CA's root"),
    ("check", "tls.check", "check whether the CA can issue a certificate"),
)


def declare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``tls`` and its commands."""
    parser = commands.add_parser(
        "tls",
        help="the served certificate and its renewal",
        description="The served certificate and its renewal.",
    )
    own = parser.add_subparsers(
        metavar="COMMAND", required=True, dest="tls_command", parser_class=LateParser
    )
    for name, module, summary in COMMANDS:
        own.add_parser(name, help=summary, module=module)
