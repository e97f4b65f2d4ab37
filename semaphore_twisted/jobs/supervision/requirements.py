"""Whether a file of a repository, which may be anything, names something."""

import os
import stat

#: Bytes that are looked at; a longer file names something.
_LOOKED_AT = 64 * 1024

#: Documents of YAML that hold nothing.
_NOTHING = {b"", b"[]", b"{}", b"null", b"~"}


def has_comments_only(path: str) -> bool:
    """Tell whether the YAML file at *path* holds nothing besides comments.

    A file that cannot be read is left to the program that is to read it.
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
