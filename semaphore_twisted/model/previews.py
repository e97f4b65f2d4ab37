"""What a run would receive, without its secrets."""

from typing import Final

import msgspec
from typing_extensions import override

from semaphore_twisted.model.reprs import redacted

#: What a preview shows instead of a secret.
MASK: Final = "\u2022\u2022\u2022"


class RunFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file in the workspace of a run; *path* is relative to the workspace."""

    path: str
    content: str

    @override
    def __repr__(self) -> str:
        """Show only the path."""
        return redacted(self, "path")


class RunPreview(msgspec.Struct, frozen=True, kw_only=True):
    """The program of a run: its arguments, environment and files.

    Each secret is :data:`MASK`. ``{workspace}`` stands for the private directory of the
    job, whose name is not known before. *environment* has only the variables of the
    task, of its template and of its variable group. A login that is stored in an access
    key is not shown, since the key is not opened.
    """

    arguments: tuple[str, ...]
    folder: str
    environment: dict[str, str]
    files: tuple[RunFile, ...]
    repository: str
    branch: str

    @override
    def __repr__(self) -> str:
        """Show only where the program comes from."""
        return redacted(self, "repository", "branch")
