"""Facts about its task for a run: ``semaphore_vars`` and ``SEMAPHORE_TASK_*``."""

from semaphore_twisted.jobs.job_inputs import JobOptions, JobOrder


def task_details(order: JobOrder, options: JobOptions) -> dict[str, object]:
    """Return ``semaphore_vars.task_details``, as Semaphore passes it to each run."""
    task, template = order.task, order.template
    details: dict[str, object] = {
        "id": task.id,
        "username": order.username,
        "url": f"{options.web_host}/project/{task.project_id}/history?t={task.id}"
        if options.web_host
        else None,
        "repository_id": order.source.repository_id,
    }
    if order.inventory_id:
        details["inventory_id"] = order.inventory_id
    if task.message:
        details["message"] = task.message
    if template.type in {"build", "deploy"}:
        details["type"] = template.type
        if order.incoming_version:
            details["incoming_version"] = order.incoming_version
        if template.type == "build" and task.version:
            details["target_version"] = task.version
    return details


def build_details(order: JobOrder) -> dict[str, str]:
    """Return the environment variables of build and deploy tasks."""
    template = order.template
    if template.type not in {"build", "deploy"}:
        return {}
    details = {"SEMAPHORE_TASK_TYPE": template.type}
    if order.incoming_version:
        details["SEMAPHORE_TASK_INCOMING_VERSION"] = order.incoming_version
    if template.type == "build" and order.task.version:
        details["SEMAPHORE_TASK_TARGET_VERSION"] = order.task.version
    return details
