"""Git repositories for tests, created by the real git."""

import subprocess
from pathlib import Path

from tests.support.programs import program

_IDENTITY = (
    *("-c", "user.name=Tester"),
    *("-c", "user.email=tester@example.org"),
    *("-c", "commit.gpgsign=false"),
    *("-c", "protocol.file.allow=always"),
)


def git(folder: Path, *arguments: str) -> str:
    """Run git in *folder* and return its output."""
    return subprocess.run(
        [program("git"), *_IDENTITY, *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


def commit(folder: Path, files: dict[str, str], message: str = "Change") -> str:
    """Write *files* (``*.sh`` is executable), commit, and return the hash."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        if name.endswith(".sh"):
            path.chmod(0o755)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(folder, "rev-parse", "HEAD")


def repository(folder: Path, files: dict[str, str]) -> Path:
    """Make a repository in *folder* with one commit on ``main`` and return *folder*."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, files, "First")
    return folder
