"""Adds a directory to the callback plugins that a repository has chosen.

Ansible has no setting that adds one: ``ANSIBLE_CALLBACK_PLUGINS`` replaces
``callback_plugins`` of ``ansible.cfg``. So the setting is read as Ansible reads it, in
the process that becomes Ansible: as the job's user, in the job's namespaces. The
supervisor waits for this process, so reading never blocks and takes linear time;
``configparser`` needs quadratic time for some lines.
"""

from __future__ import annotations

import os
import stat

_VARIABLE = b"ANSIBLE_CALLBACK_PLUGINS"
#: Longer files are left to Ansible, without the additional directory.
_LONGEST = 1 << 20
#: Longer paths, in bytes, are left to Ansible too: exec refuses them (MAX_ARG_STRLEN).
_LONGEST_PATHS = 1 << 16
#: A path that begins like this does not depend on the place of ``ansible.cfg``.
_INDEPENDENT = ("/", "~", "$", "{{")


def add_reports(environ: dict[bytes, bytes], mark: bytes, folder: bytes) -> None:
    """Change *environ* so that Ansible loads the results plugin in *folder*.

    *mark* is the token of its records. The plugin restores the variable for programs of
    the play. The current directory is that of the step. If the configuration cannot be
    read, nothing is changed: Ansible reports the error.
    """
    before = environ.get(_VARIABLE)
    try:
        chosen = _configured(environ) if before is None else before
    except (OSError, ValueError):
        return
    if len(chosen) > _LONGEST_PATHS or b"\0" in chosen:
        return  # the job would not begin
    environ[_VARIABLE] = chosen + b":" + folder
    environ[b"SEMAPHORE_RESULTS"] = mark if before is None else mark + b":" + before


def _configured(environ: dict[bytes, bytes]) -> bytes:
    """Return what ``callback_plugins`` is, or its default."""
    path = _file(environ)
    settings = {} if path is None else defaults(_text(path))
    folder = os.path.dirname(path or "")
    if (paths := settings.get("callback_plugins")) is not None:
        return _independent(paths, folder).encode()
    home = environ.get(b"ANSIBLE_HOME")
    if home is None:
        home = _independent(settings.get("home", "~/.ansible"), folder).encode()
    return home + b"/plugins/callback:/usr/share/ansible/plugins/callback"


def _file(environ: dict[bytes, bytes]) -> str | None:
    """Return the path of the configuration file, as Ansible finds it."""
    home = os.fsdecode(environ.get(b"HOME", b"/"))
    here = os.getcwd()
    places = []
    if (chosen := environ.get(b"ANSIBLE_CONFIG")) is not None:
        if b"$" in chosen:
            raise ValueError("a variable")
        path = os.fsdecode(chosen)
        path = home + path[1:] if path.startswith("~/") else os.path.join(here, path)
        places.append(f"{path}/ansible.cfg" if os.path.isdir(path) else path)
    if not os.stat(here).st_mode & stat.S_IWOTH:
        places.append(f"{here}/ansible.cfg")
    places += [f"{home}/.ansible.cfg", "/etc/ansible/ansible.cfg"]
    return next((each for each in places if os.access(each, os.R_OK)), None)


def _text(path: str) -> str:
    """Return the text of the file at *path*.

    :raises OSError: if it cannot be read
    :raises ValueError: if it is not a file, too long, or not UTF-8
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("not a file")
        data = file.read(_LONGEST + 1)
    if len(data) > _LONGEST:
        raise ValueError("too long")
    return data.decode()


def defaults(text: str) -> dict[str, str]:
    """Return the settings of the section ``defaults`` in the *text* of a file.

    The syntax is that of ``configparser`` with inline comments after a semicolon. Of a
    value of several lines only the first one is returned.
    """
    sections: dict[str, dict[str, str]] = {"DEFAULT": {}, "defaults": {}}
    section: dict[str, str] = {}
    name, level = "", 0
    for line in text.split("\n"):
        words = _uncommented(line).strip()
        indented = len(line) - len(line.lstrip())
        if not words or words[0] in "#;" or (name and indented > level):
            continue
        name, level = "", indented
        if words[0] == "[" and "]" in words:
            section = sections.get(words[1 : words.rindex("]")], {})
            continue
        places = [place for each in "=:" if (place := words.find(each)) >= 0]
        if places:
            name = words[: min(places)].rstrip().lower()
            section[name] = words[min(places) + 1 :].strip()
    return {**sections["DEFAULT"], **sections["defaults"]}


def _uncommented(line: str) -> str:
    """Return *line* without a comment after white space and a semicolon."""
    place = line.find(";")
    while place > 0 and not line[place - 1].isspace():
        place = line.find(";", place + 1)
    return line if place < 0 else line[:place]


def _independent(paths: str, folder: str) -> str:
    """Return *paths*, separated by colons, so that *folder* no longer matters."""
    return ":".join(
        each if each.startswith(_INDEPENDENT) else os.path.join(folder, each)
        for each in paths.split(":")
    )
