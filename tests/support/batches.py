"""Divide modules of tests into batches of about the same duration.

``python -m tests.support.batches KIND LIMIT MODULE…`` prints a line for each batch, the
longest first: its seconds, the kind, the modules. ``tests/run`` has lanes that take
the lines from the top, so all end at about the same time.
"""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from attrs import define, field

#: Seconds of each module, as measured; only for balancing.
DURATIONS = Path(__file__).parents[1] / "durations.txt"

#: Seconds that are assumed for a module that is not in the file.
UNKNOWN = 10.0


@define
class Batch:
    """Modules that one process runs."""

    seconds: float = 0.0
    modules: list[str] = field(factory=list)


def durations(text: str) -> dict[str, float]:
    """Return the seconds of each module in *text*, lines of ``SECONDS MODULE``."""
    lines = [line.split() for line in text.splitlines() if line[:1] not in ("", "#")]
    return {module: float(seconds) for seconds, module in lines}


def batches(
    modules: Iterable[str], seconds: Mapping[str, float], limit: float
) -> list[Batch]:
    """Return batches, the longest first, that have each of *modules* once.

    A batch has more than *limit* seconds only if it is of one module.
    """
    found: list[Batch] = []
    known = {module: seconds.get(module, UNKNOWN) for module in modules}
    for module in sorted(known, key=lambda each: (-known[each], each)):
        fitting = [each for each in found if each.seconds + known[module] <= limit]
        if not fitting:
            found.append(Batch())
            fitting = found[-1:]
        fitting[0].modules.append(module)
        fitting[0].seconds += known[module]
    return sorted(found, key=lambda each: -each.seconds)


def main(kind: str, limit: str, *modules: str) -> None:
    """Print the batches of *modules*."""
    for batch in batches(modules, durations(DURATIONS.read_text()), float(limit)):
        sys.stdout.write(f"{batch.seconds:.0f} {kind} {' '.join(batch.modules)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
