"""The last steps of a job that plans, when its supervisor vanished with them."""

from pathlib import Path

from twisted.internet.interfaces import IReactorTime

from semaphore_twisted.interfaces import IDatabase
from semaphore_twisted.jobs import state_backend
from semaphore_twisted.jobs.job_inputs import JobOptions
from semaphore_twisted.jobs.workspace import environ, layout
from semaphore_twisted.model.jobs import Step
from semaphore_twisted.operations.states.aliases import create_again
from semaphore_twisted.operations.tasks import task_lifecycle
from semaphore_twisted.tasks.background import Background
from semaphore_twisted.tasks.job_directories import JobPaths
from semaphore_twisted.tasks.state_backend import StateBackends


async def rescue_steps(
    spool: Path,
    *,
    states: StateBackends,
    database: IDatabase,
    directories: JobPaths,
    options: JobOptions,
    clock: IReactorTime,
) -> tuple[Step, ...]:
    """Return the steps that hand over a state which the job of *spool* left behind.

    They have an alias of their own, since the password of the first one has vanished
    too; a relay that still runs continues to use that. There are no steps if the server
    does not keep the state of the job.
    """
    for each in await database.read(task_lifecycle.unfinished):
        task_id = each.task.id
        if directories.find(each.uuid, task_id) == spool.name:
            background = Background(database=database, clock=clock)
            made = await background.persist(create_again, task_id)
            if made is None:
                return ()
            paths = layout(options, spool.name)
            base = Step(name="", environ=environ(options, paths))
            return state_backend.rescue(base, states.of(made, port=0), paths)
    return ()
