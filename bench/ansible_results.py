"""What the results plugin costs a run of Ansible.

``python -m bench.ansible_results [TASKS HOSTS ROUNDS]`` runs a playbook of TASKS tasks
for HOSTS local hosts in jobs under the supervisor, with and without the plugin in turn,
and prints the medians of time and processor time, and what was reported.
"""

import os
import resource
import statistics
import sys
import tempfile
from pathlib import Path

from msgspec.structs import replace

from semaphore_twisted.jobs.invocation import specification
from semaphore_twisted.model.jobs import JobSpecification
from tests.support.execution import Ran, run
from tests.support.gitserver import Repository
from tests.support.orders import options, order, static, template

_TASK = "    - {name: 'task %d', debug: {msg: x}}\n"


def _without_reports(made: JobSpecification) -> JobSpecification:
    """Return the job without the plugin."""
    steps = tuple(replace(step, reports=None) for step in made.steps)
    return replace(made, steps=steps)


def _measured(made: JobSpecification) -> tuple[Ran, float]:
    """Return the result of a job, and its seconds of processor time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ran = run(made, timeout=3600)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return ran, used


def main(tasks: int = 1000, hosts: int = 20, rounds: int = 3) -> None:
    """Run and print."""
    inventory = "".join(f"host{n} ansible_connection=local\n" for n in range(hosts))
    play = "- hosts: all\n  gather_facts: false\n  tasks:\n"
    play += "".join(_TASK % number for number in range(tasks))
    taken: dict[str, list[tuple[float, float]]] = {"without": [], "with": []}
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        folder = Path(place)
        for name in ("workspaces", "jobs", "repositories"):
            (folder / name).mkdir(mode=0o700)
        upstream = Repository(folder / "up")
        config = f"[defaults]\nforks = {hosts}\n"
        upstream.commit({"site.yml": play, "ansible.cfg": config})
        wanted = replace(
            order(str(upstream.folder)),
            template=template(app="ansible", playbook="site.yml"),
            inventory=static(inventory),
        )
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        chosen = replace(options(folder), search_path=path)
        reported = ""
        for _ in range(rounds):
            for name, rows in taken.items():
                made = specification(wanted, chosen)
                ran, used = _measured(
                    made if name == "with" else _without_reports(made)
                )
                rows.append((ran.seconds, used))
                reported = f"{len(ran.events)} reports, {len(ran.lines)} lines"
                print(name, ran.status, f"{ran.seconds:.1f} s, {used:.1f} s used")
        print(reported)
    for name, rows in taken.items():
        wall, used = (statistics.median(each) for each in zip(*rows, strict=True))
        print(f"{name}: {wall:.1f} s, {used:.1f} s of processor time")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
