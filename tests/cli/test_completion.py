"""Completion scripts, run by the real shells."""

import functools
import io
import os
import pty
import re
import select
import subprocess
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.cli import main
from tests.support.programs import require

#: Seconds that a shell may take to start and to answer.
TIMEOUT = 20

#: The prompt at the end of the output, with terminal codes around it.
READY = r"ready (\x1b\[[0-9;?]*[A-Za-z])*$"


@functools.cache
def _script(shell: str) -> str:
    """Return what the command prints."""
    with redirect_stdout(io.StringIO()) as out:
        main.main(["completion", shell])
    return out.getvalue()


class Shell:
    """An interactive shell on a terminal, whose line is completed by the tab key."""

    def __init__(self, command: list[str], directory: str) -> None:
        """Start *command* in *directory*."""
        self._content = b""
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.chdir(directory)
            os.environ |= {"TERM": "dumb", "HOME": directory, "COLUMNS": "400"}
            os.execvp(command[0], command)

    def expect(self, pattern: str) -> str:
        """Return what was shown up to a match of *pattern*, and forget it."""
        end = time.monotonic() + TIMEOUT
        while (found := re.search(pattern.encode(), self._content)) is None:
            if not select.select([self._terminal], [], [], end - time.monotonic())[0]:
                raise AssertionError(f"{pattern} was not shown: {self._content!r}")
            self._content += os.read(self._terminal, 65536)
        shown, self._content = (
            self._content[: found.end()],
            self._content[found.end() :],
        )
        return shown.decode()

    def type(self, text: str) -> None:
        """Type *text*."""
        os.write(self._terminal, text.encode())

    def close(self) -> None:
        """Close the terminal, which ends the shell."""
        os.close(self._terminal)
        os.waitpid(self.pid, 0)


class _Cases:
    """The completions that each shell must offer; subclasses give ``complete``."""

    shell: ClassVar[str]

    def setUp(self) -> None:
        """Write the script and some files to complete."""
        require(self.shell)
        self.place = Path(self.mktemp()).absolute()  # type: ignore[attr-defined]
        (self.place / "folder").mkdir(parents=True)
        (self.place / "former.db").touch()
        self.script = self.place / f"script.{self.shell}"
        self.script.write_text(_script(self.shell))

    def complete(self, line: str) -> set[str]:
        """Return what the shell offers for the last word of *line*."""
        raise NotImplementedError

    def check(self, line: str, *wanted: str, also: bool = False) -> None:
        """Check that *wanted* is offered for *line*; with *also*, among other words."""
        offered = self.complete(line)
        kept = offered & set(wanted) if also else offered
        test: SynchronousTestCase = self  # type: ignore[assignment]
        test.assertEqual(kept, set(wanted), (line, offered))

    def test_commands(self) -> None:
        """The first word is a command."""
        self.check("semaphore v", "vault", "version", "vpn")

    def test_subcommands(self) -> None:
        """Words below a command, and below an alias of it, are its own."""
        self.check("semaphore vpn peer re", "rename", "resume", "revoke", also=True)
        self.check("semaphore users tokens c", "create")

    def test_options(self) -> None:
        """Options are those of the command."""
        self.check("semaphore task run --d", "--diff", "--dry-run")
        self.check("semaphore vpn init --end", "--endpoint")
        self.check("semaphore user list --d")

    def test_choices(self) -> None:
        """The value of an option with choices is one of them."""
        self.check("semaphore server --log-format ", "json", "text")
        self.check("semaphore server --state folder --log-level w", "warn")

    def test_files(self) -> None:
        """A file is completed where a file is wanted, a directory where that is."""
        self.check("semaphore restore fo", "former.db", "folder/")
        self.check("semaphore server --state fo", "folder/")


class BashTests(_Cases, SynchronousTestCase):
    """Completion in bash."""

    shell = "bash"

    def complete(self, line: str) -> set[str]:
        """Call the function as bash does."""
        program = (
            'source "$1"; read -ra COMP_WORDS <<<"$2"; [[ $2 == *" " ]] && '
            "COMP_WORDS+=(''); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _semaphore; "
            'for each in "${COMPREPLY[@]}"; do [ -d "$each" ] && each+=/; '
            'printf "%s\\n" "$each"; done'
        )
        done = subprocess.run(
            ["bash", "-c", program, "bash", str(self.script), line],
            cwd=self.place,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.stderr, "")
        return set(done.stdout.split())

    def test_typed(self) -> None:
        """The tab key completes a command and a value after an equals sign."""
        shell = Shell(["bash", "--norc", "--noprofile", "-i"], str(self.place))
        self.addCleanup(shell.close)
        shell.type(f"PS1='rea''dy '; source {self.script}\n")
        shell.expect(READY)
        shell.type('semaphore() { echo "[$*]"; }\n')
        shell.expect(READY)
        shell.type("semaphore comple\tba\t\n")
        shell.expect(re.escape("[completion bash]"))
        shell.expect(READY)
        shell.type("semaphore server --log-format=j\t\n")
        shell.expect(re.escape("[server --log-format=json]"))


class ZshTests(_Cases, SynchronousTestCase):
    """Completion in zsh."""

    shell = "zsh"

    def setUp(self) -> None:
        """Start zsh with its completion, which offers one name a line."""
        super().setUp()
        self.typed = Shell(["zsh", "-f", "-i"], str(self.place))
        self.addCleanup(self.typed.close)
        self.typed.type(
            "autoload -Uz compinit; compinit -u -D; LISTMAX=1000; "
            "zstyle ':completion:*' verbose no; setopt no_prompt_cr no_prompt_sp; "
            f'source {self.script}; semaphore() {{ print -r -- "[$*]" }}; '
            "PS1='rea''dy '\n"
        )
        self.typed.expect(READY)

    def complete(self, line: str) -> set[str]:
        """Have Control-D list what is possible, then empty the line."""
        self.typed.type(f"{line}\x04\x15print e''nd\n")
        shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\a", "", self.typed.expect(r"\nend\r"))
        self.typed.expect(READY)
        return set(shown.split()) - {*line.split(), "ready", "print", "e''nd", "end"}

    def test_typed(self) -> None:
        """The tab key completes a command and a value after an equals sign."""
        self.typed.type("semaphore comple\tba\t\n")
        self.typed.expect(re.escape("[completion bash]"))
        self.typed.expect(READY)
        self.typed.type("semaphore server --log-format=j\t\n")
        self.typed.expect(re.escape("[server --log-format=json]"))


class FishTests(_Cases, SynchronousTestCase):
    """Completion in fish."""

    shell = "fish"

    def complete(self, line: str) -> set[str]:
        """Ask fish what it offers."""
        done = subprocess.run(
            [
                "fish",
                "--no-config",
                "-c",
                f"source {self.script}; complete -C $argv",
                line,
            ],
            cwd=self.place,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.stderr, "")
        return {each.partition("\t")[0] for each in done.stdout.splitlines()}
