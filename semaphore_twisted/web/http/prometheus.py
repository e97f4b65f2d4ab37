"""Metrics in Prometheus' text format; pure."""

from collections.abc import Mapping, Sequence

from attrs import frozen

#: The content type of Prometheus' text format.
CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


@frozen
class Metric:
    """A metric, with one value for each combination of its labels."""

    name: str
    kind: str
    help: str
    values: Sequence[tuple[Mapping[str, str], float]]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{inside}}}"


def _number(value: float) -> str:
    """Return *value* in full precision; six digits would be too few for bytes."""
    return f"{value:d}" if isinstance(value, int) else repr(value)


def exposition(figures: Sequence[Metric]) -> str:
    """Return *figures* in Prometheus' text format."""
    lines = []
    for figure in figures:
        lines.append(f"# HELP {figure.name} {figure.help}")
        lines.append(f"# TYPE {figure.name} {figure.kind}")
        for labels, value in figure.values:
            lines.append(f"{figure.name}{_labels(labels)} {_number(value)}")
    return "\n".join(lines) + "\n"
