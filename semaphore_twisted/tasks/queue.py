"""Decides which queued tasks may start (a pure function).

Tasks of one template start in the order of their creation. A task that has to wait
delays only later tasks of its own template.
"""

from collections import Counter
from collections.abc import Sequence

from semaphore_twisted.model.ids import ProjectId, TaskId, TemplateId
from semaphore_twisted.model.tasks import Queued


def startable(
    waiting: Sequence[Queued], active: Sequence[Queued], *, limit: int
) -> list[TaskId]:
    """Return the tasks of *waiting*, oldest first, that may start beside *active*.

    *limit* is the maximum number of active tasks in the whole installation, 0 for none.
    """
    total = len(active)
    of_project: Counter[ProjectId] = Counter(each.project_id for each in active)
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
        ):
            template_ids.add(template)
            continue
        chosen.append(each.id)
        total += 1
        of_project[project] += 1
        of_template[template] += 1
    return chosen
