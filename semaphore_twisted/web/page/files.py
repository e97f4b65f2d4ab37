"""The files of the built page, each also in its compressed forms."""

import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from attrs import field, frozen
from typing_extensions import override

#: Where the build of ``ui/`` writes, and where a wheel has the page.
BUILT = Path(__file__).with_name("built")

_TYPES = {
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
    ".woff2": b"font/woff2",
}

#: Suffixes of compressed copies and their codings, best first.
_CODINGS = ((".br", b"br"), (".gz", b"gzip"))


@frozen
class PageFile:
    """A file whose name contains a hash of its content."""

    content_type: bytes
    content: bytes = field(repr=False)
    #: the compressed content by coding, best first
    compressed: Mapping[bytes, bytes] = field(repr=False, factory=dict)

    def chosen(self, accepted: frozenset[bytes]) -> tuple[bytes, bytes | None]:
        """Return the content for a client that decodes *accepted*, and its coding."""
        for coding, content in self.compressed.items():
            if coding in accepted:
                return content, coding
        return self.content, None


@frozen
class BuiltPage:
    """``index.html`` with its placeholders, and the other files by path."""

    index: bytes = field(repr=False)
    files: Mapping[bytes, PageFile] = field(repr=False)


def read_page(folder: Path) -> BuiltPage | None:
    """Return the page in *folder*; ``None`` if it is not built."""
    try:
        index = (folder / "index.html").read_bytes()
    except FileNotFoundError:
        return None
    return BuiltPage(index, _Files(folder))


class _Files(Mapping[bytes, PageFile]):
    """The files below a directory: read when first asked for, and then kept.

    A file that is gone meanwhile, after an upgrade, counts as absent.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # names only: a Path for each file would take memory that is needed once
        self._names = frozenset(_names(folder, "/"))
        self._read: dict[bytes, PageFile] = {}

    @override
    def __getitem__(self, name: bytes) -> PageFile:
        if (kept := self._read.get(name)) is not None:
            return kept
        if name not in self._names:
            raise KeyError(name)
        path = self._folder / name[1:].decode()
        try:
            read = PageFile(_TYPES[path.suffix], path.read_bytes(), _compressed(path))
        except FileNotFoundError:
            raise KeyError(name) from None
        self._read[name] = read
        return read

    @override
    def __iter__(self) -> Iterator[bytes]:
        return iter(sorted(self._names))

    @override
    def __len__(self) -> int:
        return len(self._names)


def _names(folder: Path, prefix: str) -> Iterator[bytes]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _names(folder / entry.name, f"{prefix}{entry.name}/")
            elif entry.name.endswith(tuple(_TYPES)):
                yield f"{prefix}{entry.name}".encode()


@lru_cache(maxsize=1)
def installed_page() -> BuiltPage | None:
    """Return the page of this installation."""
    return read_page(BUILT)


def _compressed(path: Path) -> dict[bytes, bytes]:
    copies = ((path.with_name(path.name + suffix), name) for suffix, name in _CODINGS)
    return {name: copy.read_bytes() for copy, name in copies if copy.exists()}
