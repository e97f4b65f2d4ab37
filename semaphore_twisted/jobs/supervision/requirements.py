"""Checks whether a requirements file of a repository has any content."""

import os
import stat

#: Bytes that are read; a longer file is assumed to have content.
_LOOKED_AT = 64 * 1024

#: YAML documents without content.
_NOTHING = {b"", b"[]", b"{}", b"null", b"~"}


def has_comments_only(path: str) -> bool:
    """Whether the YAML file at *path* contains only comments.

    For a file that cannot be read the result is ``False``: the program that uses it
    reports the error.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return False
        found = os.read(descriptor, _LOOKED_AT + 1)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    if len(found) > _LOOKED_AT:
        return False
    lines = found.removeprefix(b"\xef\xbb\xbf").splitlines()
    left = [
        line.strip()
        for line in lines
        if not line.lstrip().startswith(b"#") and line.strip() not in {b"---", b"..."}
    ]
    return b"".join(left) in _NOTHING
