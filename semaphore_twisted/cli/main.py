"""The console script ``semaphore``.

Each command is a module of its own, which is imported only on demand: importing all of
them, Twisted included, takes longer and more memory than most commands. That is why
imports happen inside a function here.
"""

import argparse
import importlib
import io
import os
import sqlite3
import sys
from collections.abc import Callable, Sequence
from types import ModuleType

from semaphore_twisted import __version__
from semaphore_twisted.cli.late_parser import LateParser
from semaphore_twisted.cli.semaphore_arguments import reordered
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.model.errors import DomainError

#: Names (the first is the canonical one), module in this package, summary.
COMMANDS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("server", "service"), "server", "run the server"),
    (("setup",), "setup", "prepare the installation without serving"),
    (("config",), "config", "show the effective options and where they come from"),
    (("migrate",), "migrate", "upgrade the database to this program's version"),
    (("backup",), "backup", "copy the database, beside a running server too"),
    (("compact",), "compact", "rewrite the database without free space"),
    (("restore",), "restore", "replace the database by a copy"),
    (("user", "users"), "user", "accounts and their tokens"),
    (("project", "projects"), "project", "projects as files: export and import"),
    (("vault", "vaults"), "vault", "check and re-encrypt the stored secrets"),
    (("hosts",), "hosts", "known SSH host keys of jobs"),
    (("task",), "task.command", "run, follow, stop and list tasks of a server"),
    (("tls",), "tls.command", "the served certificate and its renewal"),
    (("vpn",), "vpn.command", "the server's VPN, and joining one"),
    (("completion",), "completion", "print the completion script of a shell"),
    (("version",), "version", "show the version"),
)


def run() -> None:
    """Run the console script."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # file names may be invalid text
            stream.reconfigure(errors="backslashreplace")
    sys.exit(main(sys.argv[1:]))


def main(argv: Sequence[str]) -> int:
    """Run the command of *argv* and return its exit code."""
    os.umask(0o077)
    try:
        words = reordered(argv)
        arguments = _parser(words).parse_args(words)
        code = int(arguments.run(arguments) or 0)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of the pipe has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        return 130
    except (CommandError, DomainError, OSError, sqlite3.Error) as error:
        print(f"semaphore: {_sentence(error)}", file=sys.stderr)
        return error.exit_code if isinstance(error, CommandError) else 1
    return code


def _sentence(error: Exception) -> str:
    """Return the one-line message for *error*."""
    if isinstance(error, CommandError):
        return error.sentence
    if isinstance(error, DomainError):
        return error.message
    if isinstance(error, sqlite3.Error):
        return f"the database cannot be used: {error}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else str(error)
    return str(error) or type(error).__name__


def full_parser() -> argparse.ArgumentParser:
    """Return the parser with every command declared, for completion and documents."""
    return _declared(lambda _: True)


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser; only the command that *argv* names is declared in full."""
    wanted = next((word for word in argv if not word.startswith("-")), None)
    return _declared(lambda names: wanted in names)


def _declared(is_wanted: Callable[[Sequence[str]], bool]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="semaphore",
        description="Run Ansible, Terraform and scripts from a browser or an API.",
        epilog="semaphore COMMAND --help describes each command",
    )
    parser.add_argument(
        "--version", action="version", version=f"semaphore-twisted {__version__}"
    )
    commands = parser.add_subparsers(
        metavar="COMMAND", required=True, dest="command", parser_class=LateParser
    )
    for names, module, summary in COMMANDS:
        if is_wanted(names):
            _module(module).declare(commands)
            canonical = commands.choices.get(names[0])
            for alias in names[1:]:
                if canonical is not None and alias not in commands.choices:
                    commands.choices[alias] = canonical
        else:
            commands.add_parser(names[0], help=summary)
    return parser


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"semaphore_twisted.cli.{name}")
