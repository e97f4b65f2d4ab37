"""``semaphore completion``: a script by which a shell completes this command."""

import argparse

from semaphore_twisted.cli import completion_scripts

_SCRIPTS = {
    "bash": completion_scripts.bash,
    "zsh": completion_scripts.zsh,
    "fish": completion_scripts.fish,
}

_DESCRIPTION = """\
Print the script by which a shell completes commands, options and their values. The
script does not call this program, so print it again after an upgrade. Its place:

  bash   ~/.local/share/bash-completion/completions/semaphore
  zsh    _semaphore in one of the directories of fpath
  fish   ~/.config/fish/completions/semaphore.fish
"""


def declare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``completion``."""
    parser = commands.add_parser(
        "completion",
        help="print the completion script of a shell",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "shell", metavar="SHELL", choices=tuple(_SCRIPTS), help="bash, zsh or fish"
    )
    parser.set_defaults(run=_print)


def _print(arguments: argparse.Namespace) -> int:
    # Both declare every command, which only this command needs.
    from semaphore_twisted.cli import command_tree, main  # noqa: PLC0415

    tree = command_tree.read(main.full_parser())
    print(_SCRIPTS[arguments.shell](tree), end="")
    return 0
