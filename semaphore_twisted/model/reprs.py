"""Texts of values in tracebacks and logs, without their secrets."""


def redacted(value: object, *names: str) -> str:
    """Return the repr of *value* with only the fields *names*.

    A value with a secret lists the fields that are shown, not those that are hidden, so
    a new field is hidden at first.
    """
    fields = ", ".join(f"{name}={getattr(value, name)!r}" for name in names)
    return f"{type(value).__name__}({fields})"
