"""``semaphore tls``: the served certificate and its renewal.

Each command is a module of its own, which is imported on demand.
"""

import argparse

from semaphore_twisted.cli.vpn import LateParser

#: Command, its module in this package, summary.
COMMANDS: tuple[tuple[str, str, str], ...] = (
    ("show", "tls_show", "show the certificate, and how its renewal goes"),
    ("renew", "tls_renew", "have a new certificate now"),
    ("reload", "tls_renew", "have the server look at its certificate again now"),
    ("trust", "tls_trust", "have this system trust the local authority's root"),
    ("check", "tls_check", "look for what keeps an authority from issuing one"),
)


def declare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``tls`` and its commands."""
    parser = commands.add_parser(
        "tls",
        help="the certificate that is served, and its renewal",
        description="The certificate that is served, and its renewal.",
    )
    own = parser.add_subparsers(
        metavar="COMMAND", required=True, dest="tls_command", parser_class=LateParser
    )
    for name, module, summary in COMMANDS:
        own.add_parser(name, help=summary, module=module)
