"""The commands as plain values, read from the parsers.

Completion scripts and ``docs/commands.md`` are made from these values. argparse has no
public way to list what a parser declares, so its private names are used here and
nowhere else.
"""

import argparse
from collections.abc import Iterator

import msgspec

from semaphore_twisted.cli.late_parser import LateParser
from semaphore_twisted.cli.subparsers import Subparsers

#: Placeholders of values that are paths.
FILE, DIRECTORY = "FILE", "DIR"


class Argument(msgspec.Struct, frozen=True, kw_only=True):
    """An option, or a positional argument, which has no *flags*.

    *value* is the placeholder of its value, empty for a switch.
    """

    flags: tuple[str, ...]
    value: str
    choices: tuple[str, ...]
    help: str
    required: bool


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A command, its arguments and its subcommands.

    *words* are the words by which it is called, such as ``("semaphore", "vpn")``;
    *aliases* stand in for the last of them.
    """

    words: tuple[str, ...]
    aliases: tuple[str, ...]
    summary: str
    description: str
    epilog: str
    arguments: tuple[Argument, ...]
    #: groups of options of which exactly one is needed
    alternatives: tuple[tuple[Argument, ...], ...]
    commands: tuple["Command", ...]

    @property
    def name(self) -> str:
        """The words with spaces between."""
        return " ".join(self.words)

    @property
    def options(self) -> tuple[Argument, ...]:
        """The arguments with flags."""
        return tuple(each for each in self.arguments if each.flags)

    @property
    def positionals(self) -> tuple[Argument, ...]:
        """The arguments without flags."""
        return tuple(each for each in self.arguments if not each.flags)

    def walk(self) -> Iterator["Command"]:
        """Yield this command and all below it."""
        yield self
        for each in self.commands:
            yield from each.walk()


def read(
    parser: argparse.ArgumentParser,
    words: tuple[str, ...] = ("semaphore",),
    *,
    aliases: tuple[str, ...] = (),
    summary: str = "",
) -> Command:
    """Return the command that *parser* is for, with everything below it."""
    if isinstance(parser, LateParser):
        parser.load()
    commands: list[Command] = []
    arguments: list[Argument] = []
    for action in parser._actions:  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            commands += _commands(action, words)
        elif action.help is not argparse.SUPPRESS:
            arguments.append(_argument(parser, action))
    return Command(
        words=words,
        aliases=aliases,
        summary=summary,
        description=parser.description or "",
        epilog=parser.epilog or "",
        arguments=tuple(arguments),
        alternatives=tuple(
            tuple(_argument(parser, action) for action in group._group_actions)  # noqa: SLF001
            for group in parser._mutually_exclusive_groups  # noqa: SLF001
            if group.required
        ),
        commands=tuple(commands),
    )


def _commands(action: Subparsers, words: tuple[str, ...]) -> Iterator[Command]:
    summaries = {each.dest: each.help for each in action._choices_actions}  # noqa: SLF001
    names: dict[int, list[str]] = {}
    for name, parser in action.choices.items():
        names.setdefault(id(parser), []).append(name)
    for name, *aliases in names.values():
        yield read(
            action.choices[name],
            (*words, name),
            aliases=tuple(aliases),
            summary=summaries[name] or "",
        )


def _argument(parser: argparse.ArgumentParser, action: argparse.Action) -> Argument:
    takes_value = action.nargs != 0
    choices = tuple(str(each) for each in action.choices or ())
    metavar = action.metavar
    if isinstance(metavar, tuple):
        metavar = " ".join(metavar)
    value = metavar or ("|".join(choices) if choices else action.dest.upper())
    formatter = parser._get_formatter()  # noqa: SLF001
    return Argument(
        flags=tuple(action.option_strings),
        value=value if takes_value else "",
        choices=choices,
        help=formatter._expand_help(action) if action.help else "",  # noqa: SLF001
        required=action.required,
    )
