"""The secrets that a server was given, none of which may be in its log."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from semaphore_twisted.config.names import OPTIONS
from semaphore_twisted.config.parsing import secret_variables

#: Fields of the API whose value is a secret, or holds secrets.
_FIELDS = frozenset({"passphrase", "password", "private_key", "secret"})

#: A shorter text could be part of another word.
_SHORTEST = 8


def of_body(body: Any) -> Iterator[str]:
    """Yield the secrets in the decoded *body* of a request."""
    if isinstance(body, list):
        for each in body:
            yield from of_body(each)
    elif isinstance(body, dict):
        for name, value in body.items():
            yield from _texts(value) if name in _FIELDS else of_body(value)


def of_settings(state: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the secrets in the configuration file of *state*, and in *environ*.

    Variables of jobs may be paths, which the log may have for other reasons.
    """
    for name in secret_variables() & environ.keys():
        yield from (each for each in _texts(environ[name]) if each[0] != "/")
    file = state / "config.json"
    if file.exists():
        settings = json.loads(file.read_bytes())
        for path, option in OPTIONS.items():
            if option.secret:
                yield from _texts(_at(settings, path))


def found(log: Path, secrets: set[str]) -> list[str]:
    """Return the lines of *log* that hold one of *secrets*."""
    lines = log.read_text(errors="replace").splitlines()
    return [line for line in lines if any(each in line for each in secrets)]


def _at(settings: Any, path: str) -> Any:
    for name in path.split("."):
        settings = settings.get(name) if isinstance(settings, dict) else None
    return settings


def _texts(value: Any) -> Iterator[str]:
    """Yield each long line of *value*; a JSON object holds a secret in each value."""
    if isinstance(value, str):
        try:
            inner = json.loads(value)
        except ValueError:
            inner = None
        if isinstance(inner, dict):
            yield from _texts(inner)
        else:
            lines = (line.strip() for line in value.splitlines())
            yield from (
                line for line in lines if len(line) >= _SHORTEST and "-----" not in line
            )
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
