"""Arguments of Semaphore's commands that mean nothing here, or are refused.

Commands of Semaphore are to work as they are written in scripts. An argument that this
program cannot honor is refused with a sentence that names it; none is ignored that
would change the result.
"""

import argparse
from collections.abc import Callable, Sequence

from typing_extensions import override

from semaphore_twisted.common.command_error import CommandError

#: Options that Semaphore accepts before the command, too; each has a value.
_BEFORE = ("--config", "--log-level")

_NO_CONFIG = (
    "--no-config: not served; name an empty configuration with --config, or a state"
    " directory with --state"
)


class Refused(argparse.Action):
    """An option that is refused with the sentence *const*."""

    @override
    def __call__(self, *_: object) -> None:
        """Refuse the option."""
        raise CommandError(str(self.const))


def refuse(parser: argparse.ArgumentParser, option: str, sentence: str) -> None:
    """Let *parser* refuse *option*, with a value or without one, with *sentence*."""
    parser.add_argument(
        option, action=Refused, nargs="?", const=sentence, help=argparse.SUPPRESS
    )


def accept_common(parser: argparse.ArgumentParser) -> None:
    """Let *parser* accept the options that Semaphore has for every command.

    The log level of a command that writes no log has no effect.
    """
    parser.add_argument("--log-level", help=argparse.SUPPRESS)
    refuse(parser, "--no-config", _NO_CONFIG)


def show_help(parser: argparse.ArgumentParser) -> Callable[[argparse.Namespace], int]:
    """Return what *parser* does without a command: it shows its help, as Semaphore."""

    def run(_: argparse.Namespace) -> int:
        parser.print_help()
        return 0

    return run


def reordered(argv: Sequence[str]) -> list[str]:
    """Return *argv* with the options that precede the command behind its arguments."""
    words, moved = list(argv), list[str]()
    while words:
        name, equals, _ = words[0].partition("=")
        if name == "--no-config":
            raise CommandError(_NO_CONFIG)
        if name not in _BEFORE:
            break
        count = 1 if equals else 2
        moved += words[:count]
        del words[:count]
    return words + moved
