"""``semaphore vpn peer``: devices and hosts of the VPN."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from semaphore_twisted.cli.failure import Failure
from semaphore_twisted.cli.installation import add_options

_Run = Callable[[argparse.Namespace], int]


def declare(parser: argparse.ArgumentParser, command: str) -> None:
    """Declare the verbs."""
    del command
    parser.description = "Devices and hosts of the VPN."
    verbs = parser.add_subparsers(metavar="VERB", required=True, dest="verb")
    listing = _verb(verbs, "list", _soon, "list the peers")
    _owner(listing)
    _kind(listing)
    _json(listing)
    _json(_one(_verb(verbs, "show", _soon, "show a peer")))
    add = _verb(verbs, "add", _soon, "make a peer, and print its file once", _ADD)
    add.add_argument("name", metavar="NAME", help="what the peer is called")
    add.add_argument(
        "--public-key",
        metavar="KEY",
        help="the device's own public key; the private one never comes here",
    )
    _owner(add)
    _kind(add)
    _expiry(add)
    add.add_argument("--tag", action="append", default=[], help="repeatable")
    add.add_argument(
        "--grant",
        action="append",
        default=[],
        metavar="NETWORK",
        help="a network behind the server that it may enter; repeatable",
    )
    _json(add)
    _one(_verb(verbs, "rename", _soon, "give a peer another name")).add_argument(
        "name", metavar="NAME", help="the new name"
    )
    _one(_verb(verbs, "suspend", _soon, "stop a peer's traffic until it is resumed"))
    _expiry(
        _one(
            _verb(
                verbs,
                "resume",
                _soon,
                "let a suspended, pending or expired peer in again",
            )
        )
    )
    _one(
        _verb(verbs, "expire", _soon, "end a peer's access now, or at a time")
    ).add_argument(
        "--at", dest="expires", metavar="TIME", help="in such as 12h, 90d; or never"
    )
    rotate = _one(_verb(verbs, "rotate", _soon, "give a peer another key", _ROTATE))
    rotate.add_argument(
        "--public-key", metavar="KEY", help="the device's new public key"
    )
    _json(rotate)
    revoke = _one(_verb(verbs, "revoke", _soon, "end a peer for good"))
    revoke.add_argument("--yes", action="store_true", help="do not ask")
    imported = _verb(
        verbs, "import", _soon, "take the peers of a wg-quick file over", _IMPORT
    )
    imported.add_argument("file", type=Path, metavar="FILE", help="- is standard input")
    _owner(imported)
    _kind(imported)
    imported.add_argument("--dry-run", action="store_true", help="change nothing")
    exported = _verb(
        verbs, "export", _soon, "print the peers for other programs", _EXPORT
    )
    exported.add_argument(
        "--format", choices=("json", "wg"), default="json", help="default json"
    )
    _owner(exported)


_ADD = """\
Make a peer. Without --public-key its key pair is made by this command, the record says
so, and the file and its QR code are printed once: the private key is stored nowhere.
With --public-key the file has a marked place for the private key, and no QR code.
Better than both: `semaphore vpn invite`, where the device makes its own key.
"""

_ROTATE = """\
Give a peer another key; name, addresses and grants stay. The device needs the file that
is printed. Without --public-key this command makes the pair, as `peer add` does.
"""

_IMPORT = """\
Take the peers of a server's wg-quick file over: keys, preshared keys and addresses
stay, so clients go on working if the server's key and endpoint are the same. Commands
in the file (PostUp and the like) are refused. Peers that are here are passed over.
"""

_EXPORT = """\
Print the peers: JSON without any secret, or the [Peer] sections of a wg file, without
preshared keys.
"""


def _verb(verbs: Any, name: str, run: _Run, summary: str, text: str = "") -> Any:
    parser = verbs.add_parser(
        name,
        help=summary,
        description=text or summary.capitalize() + ".",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_options(parser)
    parser.set_defaults(run=run)
    return parser


def _one(parser: Any) -> Any:
    parser.add_argument("peer", metavar="PEER", help="its name, id or uuid")
    return parser


def _owner(parser: Any) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--user", metavar="LOGIN", help="whose: a login or e-mail")
    group.add_argument("--project", metavar="NAME", help="whose: a name or number")


def _kind(parser: Any) -> None:
    parser.add_argument(
        "--kind", choices=("laptop", "phone", "host"), help="what it is"
    )


def _expiry(parser: Any) -> None:
    parser.add_argument(
        "--expires", metavar="TIME", help="in such as 12h or 90d; or never"
    )


def _json(parser: Any) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _soon(arguments: argparse.Namespace) -> int:
    del arguments
    raise Failure("this command is not there yet")
