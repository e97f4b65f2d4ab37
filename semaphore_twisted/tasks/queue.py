"""Decides which queued tasks may start (a pure function).

Tasks of one template start in the order of their creation. A task that has to wait
delays only later tasks of its own template. Tasks of the same workspace run one after
another, since each changes the same state.

A task that waits for an approval counts for no limit, since nothing of it runs. Its
template and its workspace stay busy, so that its plan does not become outdated.
"""

from collections import Counter
from collections.abc import Sequence

import msgspec

from semaphore_twisted.model.ids import ProjectId, TaskId, TemplateId
from semaphore_twisted.model.tasks import Queued


class TaskOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The installation's limits for tasks; 0 means no limit."""

    max_parallel_tasks: int = 0
    max_tasks_per_template: int = 0


def startable(
    waiting: Sequence[Queued], active: Sequence[Queued], *, limit: int
) -> list[TaskId]:
    """Return the tasks of *waiting*, oldest first, that may start beside *active*.

    *limit* is the maximum number of active tasks in the whole installation, 0 for none.
    """
    running = [each for each in active if not each.idle]
    total = len(running)
    of_project: Counter[ProjectId] = Counter(each.project_id for each in running)
    workspaces = {each.workspace for each in active} - {None}
    of_template: Counter[TemplateId] = Counter(each.template_id for each in active)
    template_ids: set[TemplateId] = set()
    chosen: list[TaskId] = []
    for each in waiting:
        if limit and total >= limit:
            break
        project, template = each.project_id, each.template_id
        full = bool(each.project_limit) and of_project[project] >= each.project_limit
        if (
            full
            or template in template_ids
            or (of_template[template] and not each.parallel)
            or each.workspace in workspaces
        ):
            template_ids.add(template)
            continue
        chosen.append(each.id)
        total += 1
        of_project[project] += 1
        of_template[template] += 1
        if each.workspace is not None:
            workspaces.add(each.workspace)
    return chosen
