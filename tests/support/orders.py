"""Orders and options for tests of jobs."""

import datetime
from pathlib import Path
from typing import Any

from semaphore_twisted.jobs.job_inputs import (
    InventorySource,
    JobOptions,
    JobOrder,
    RepositorySource,
)
from semaphore_twisted.model.ids import ProjectId, RepositoryId, TaskId, TemplateId
from semaphore_twisted.model.inventories import InventoryType
from semaphore_twisted.model.keys import ClientCertificate, NoSecret, OpenedSecret
from semaphore_twisted.model.tasks import Task, TaskStatus
from semaphore_twisted.model.templates import Template


def task(**fields: Any) -> Task:
    """Return a task; *fields* override the defaults."""
    values: dict[str, Any] = {
        "id": TaskId(7),
        "template_id": TemplateId(3),
        "project_id": ProjectId(2),
        "status": TaskStatus.STARTING,
        "created": datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC),
    }
    return Task(**{**values, **fields})


def template(**fields: Any) -> Template:
    """Return a template of the app bash; *fields* override the usual values."""
    values: dict[str, Any] = {
        "id": TemplateId(3),
        "project_id": ProjectId(2),
        "inventory_id": None,
        "repository_id": RepositoryId(5),
        "environment_id": None,
        "name": "Template",
        "playbook": "run.sh",
        "arguments": None,
        "allow_override_args_in_task": False,
        "description": None,
        "vaults": None,
        "type": "",
        "start_version": None,
        "build_template_id": None,
        "view_id": None,
        "last_task": None,
        "autorun": False,
        "git_branch": None,
        "survey_vars": None,
        "suppress_success_alerts": False,
        "app": "bash",
        "tasks": 0,
        "task_params": {},
        "allow_override_branch_in_task": False,
        "allow_parallel_tasks": False,
    }
    return Template(**{**values, **fields})


def order(
    url: str,
    *,
    branch: str = "",
    key: OpenedSecret | None = None,
    certificate: ClientCertificate | None = None,
) -> JobOrder:
    """Return an order that runs ``run.sh`` of the repository *url* with bash."""
    return JobOrder(
        task=task(),
        job_name="task_7",
        template=template(),
        username="ann",
        source=RepositorySource(
            repository_id=5,
            url=url,
            branch=branch,
            key=key or NoSecret(),
            certificate=certificate,
        ),
    )


def static(
    text: str, *, key: OpenedSecret | None = None, become: OpenedSecret | None = None
) -> InventorySource:
    """Return a static inventory."""
    return InventorySource(
        type=InventoryType.STATIC,
        inventory=text,
        key=key or NoSecret(),
        become=become or NoSecret(),
    )


def options(folder: Path | str, **fields: Any) -> JobOptions:
    """Return options whose paths are below *folder*, which need not exist."""
    values: dict[str, Any] = {
        "workspaces": f"{folder}/workspaces",
        "spools": f"{folder}/jobs",
        "repositories": f"{folder}/repositories",
        "known_hosts": f"{folder}/known_hosts",
    }
    return JobOptions(**{**values, **fields})
