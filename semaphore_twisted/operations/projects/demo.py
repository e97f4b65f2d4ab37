"""A project with templates that run without further setup."""

import shlex

import msgspec

from semaphore_twisted.model.apps import ANSIBLE, BASH
from semaphore_twisted.model.ids import KeyId
from semaphore_twisted.model.inventories import InventoryType
from semaphore_twisted.model.lists import Wanted
from semaphore_twisted.model.projects import Project
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations import lists
from semaphore_twisted.operations.projects import (
    inventories,
    keys,
    projects,
    repositories,
    templates,
)
from semaphore_twisted.operations.projects.template_rules import NewTemplate
from semaphore_twisted.persistence.engine import Connection

#: The files of the demo's repository.
PING, DISKS, FAILING = "ping.yml", "disk-usage.sh", "failing.sh"

_TEMPLATES = (
    ("Ping localhost", ANSIBLE.id, PING, "A playbook that changes nothing"),
    ("Disk usage", BASH.id, DISKS, "A script"),
    ("Failing script", BASH.id, FAILING, "What an error looks like"),
)


class DemoFiles(msgspec.Struct, frozen=True, kw_only=True):
    """What a demo uses on this machine: its repository's URL, and a Python."""

    url: str
    python: str


def create(
    conn: Connection,
    actor: Actor,
    new: projects.NewProject,
    files: DemoFiles,
    *,
    anybody: bool = False,
) -> Project:
    """Create a project that the actor owns, as :func:`projects.create`, with contents.

    :raises NotPermitted: if the actor may not create projects
    """
    project = projects.create(conn, actor, new, anybody=anybody)
    _fill(conn, projects.owner_of(project, actor), files)
    return project


def _fill(conn: Connection, actor: Actor, files: DemoFiles) -> None:
    # a new project has one key, without a secret
    (none,) = lists.select(conn, actor, keys.ORDERS, Wanted()).ids
    repository = repositories.create(
        conn,
        actor,
        repositories.NewRepository(
            name="Demo files",
            git_url=files.url,
            git_branch="main",
            ssh_key_id=KeyId(none),
        ),
    )
    inventory = inventories.create(
        conn,
        actor,
        inventories.NewInventory(
            name="This machine",
            type=InventoryType.STATIC,
            inventory=(
                "localhost ansible_connection=local "
                f"ansible_python_interpreter={shlex.quote(files.python)}\n"
            ),
            ssh_key_id=KeyId(none),
        ),
    )
    for name, app, file, description in _TEMPLATES:
        templates.insert(
            conn,
            actor,
            NewTemplate(
                name=name,
                app=app,
                playbook=file,
                description=description,
                repository_id=repository.id,
                inventory_id=inventory.id if app == ANSIBLE.id else None,
            ),
        )
