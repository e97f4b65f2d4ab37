"""The generated part of ``docs/commands.md``: each command with its arguments."""

import textwrap
from collections.abc import Iterator

from semaphore_twisted.cli import command_tree, main
from semaphore_twisted.cli.command_tree import Argument, Command

#: Options that many commands share, which the document explains once.
_SHARED = (
    (("--config", "--state"), "the [options of the installation](#the-installation)"),
    (
        ("--url", "--token-file", "--token", "--ca"),
        "the [options of the server](#a-server)",
    ),
)


def text() -> str:
    """Return the sections of all commands."""
    tree = command_tree.read(main.full_parser())
    listed = "\n".join(
        f"| [`{each.name}`](#{each.name.replace(' ', '-')}) | {_cell(each.summary)} |"
        for each in tree.commands
    )
    sections = "\n".join(
        _section(each) for command in tree.commands for each in command.walk()
    )
    return f"| command | |\n|---|---|\n{listed}\n\n{sections}"


def _section(command: Command) -> str:
    level = "###" if len(command.words) == 2 else "####"
    return "\n".join((f"{level} {command.name}", "", *_lines(command)))


def _lines(command: Command) -> Iterator[str]:
    own = [each for each in command.arguments if "--help" not in each.flags]
    shared = [
        (names, link)
        for names, link in _SHARED
        if set(names) <= {flag for each in own for flag in each.flags}
    ]
    for names, _ in shared:
        own = [each for each in own if not set(names) & set(each.flags)]
    summary = command.summary[:1].upper() + command.summary[1:]
    yield from _wrapped(command.description.strip() or f"{summary}.")
    yield ""
    if command.aliases:
        also = ", ".join(
            f"`{' '.join((*command.words[:-1], each))}`" for each in command.aliases
        )
        yield f"Also: {also}."
        yield ""
    if command.commands:
        yield "| command | |"
        yield "|---|---|"
        for each in command.commands:
            link = "#" + each.name.replace(" ", "-")
            yield f"| [`{each.name}`]({link}) | {_cell(each.summary)} |"
        yield ""
        return
    yield "```"
    yield _usage(
        command, own, with_more=bool(shared) or any(each.flags for each in own)
    )
    yield "```"
    yield ""
    if own:
        yield "| argument | |"
        yield "|---|---|"
        for argument in own:
            yield f"| {_named(argument)} | {_cell(argument.help)} |"
        yield ""
    if shared:
        yield f"And {' and '.join(link for _, link in shared)}."
        yield ""


def _wrapped(description: str) -> Iterator[str]:
    """Wrap paragraphs; lines that are indented stand in a block of code."""
    for number, paragraph in enumerate(description.split("\n\n")):
        if number:
            yield ""
        if paragraph.startswith("  "):
            yield from ("```", *paragraph.splitlines(), "```")
        else:
            yield from textwrap.wrap(paragraph, 88, break_on_hyphens=False)


def _usage(command: Command, own: list[Argument], *, with_more: bool) -> str:
    words = [command.name]
    words += [_called(each) for each in own if each.flags and each.required]
    words += [
        f"({' | '.join(_called(each) for each in group)})"
        for group in command.alternatives
    ]
    if with_more:
        words.append("[OPTION...]")
    words += [
        each.value if each.required else f"[{each.value}]"
        for each in own
        if not each.flags
    ]
    return " ".join(words)


def _called(option: Argument) -> str:
    return f"{option.flags[0]} {option.value}".strip()


def _named(argument: Argument) -> str:
    shown = ", ".join(f"`{flag}`" for flag in argument.flags)
    return " ".join(
        filter(None, (shown, argument.value and f"`{_cell(argument.value)}`"))
    )


def _cell(text: str) -> str:
    """Return *text* as it may stand in a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")
