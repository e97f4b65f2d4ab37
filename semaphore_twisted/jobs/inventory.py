"""The location of an inventory: a file in the workspace, or in a checkout."""

import posixpath
import re

from semaphore_twisted.jobs.job_inputs import InventorySource
from semaphore_twisted.jobs.workspace import (
    CHECKOUT,
    INVENTORY_CHECKOUT,
    WORKSPACE,
    literal,
)
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.expressions import check_plain
from semaphore_twisted.model.inventories import BYTE_ORDER_MARK, InventoryType
from semaphore_twisted.model.jobs import File
from semaphore_twisted.model.refusals import quoted

#: NAMESPACE.COLLECTION.PLAYBOOK, each a Python identifier.
_COLLECTION_PLAYBOOK = re.compile(r"[A-Za-z_]\w*+(\.[A-Za-z_]\w*+){2,}", re.ASCII)


def strictness(inventory: InventorySource | None) -> dict[str, str]:
    """Return the environment that makes Ansible fail if an inventory has errors.

    By default Ansible only warns, and the job succeeds without any host. A text must
    parse completely. Of a repository's file or directory it is enough that one part
    parses, since a directory may contain other files. An empty text is an inventory
    without hosts.
    """
    if inventory is None:
        return {}
    if inventory.type is InventoryType.FILE:
        return {"ANSIBLE_INVENTORY_UNPARSED_FAILED": "True"}
    text = inventory.inventory.removeprefix(BYTE_ORDER_MARK)
    lines = (line.strip() for line in text.splitlines())
    if any(line and not line.startswith(("#", ";", "---")) for line in lines):
        return {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "True"}
    return {}


def inventory_path(inventory: InventorySource | None) -> str | None:
    """Return the path of an inventory that must be in a checkout, else ``None``.

    An absolute path is a file of the machine, for which the operator is responsible.

    :raises Invalid: if the path is empty, or a relative path leaves the checkout.
    """
    if inventory is None or inventory.type is not InventoryType.FILE:
        return None
    path = inventory.inventory.strip()
    if "," in path:
        raise Invalid(
            "The inventory's path has a comma, and Ansible takes such a text for a list"
            " of hosts: rename the file"
        )
    if path.startswith("/"):
        check_plain(path, "The inventory")
        return None
    return path_in_checkout(path, "inventory")


def path_in_checkout(path: str, name: str) -> str:
    """Return the normalized *path* if by its text it stays in the checkout.

    :raises Invalid: if it does not, is empty, or could be read as an option or (unless
        it is a script) as an Ansible expression
    """
    normal = posixpath.normpath(path) if path else ""
    if not normal or normal == ".":
        raise Invalid(f"The {name} has no path")
    if normal.startswith(("/", "../", "-")) or normal == ".." or "\0" in normal:
        raise Invalid(f"The {name} {quoted(path)} is not a path inside the repository")
    if name != "script":
        check_plain(normal, f"The {name}")
    return normal


def of_collection(playbook: str) -> bool:
    """Whether *playbook* is the full name of a collection's playbook, not a path.

    Source: "Using a playbook from a collection" in Ansible's documentation.
    """
    return bool(_COLLECTION_PLAYBOOK.fullmatch(playbook)) and not playbook.endswith(
        (".yml", ".yaml")
    )


def arguments_of(
    inventory: InventorySource | None,
) -> tuple[File | None, tuple[str, ...]]:
    """Return the file to create, if any, and Ansible's arguments.

    :raises Invalid: if the inventory is not for Ansible, or its path leaves the
        checkout.
    """
    if inventory is None:
        return None, ()
    content = inventory.inventory.removeprefix(BYTE_ORDER_MARK).encode()
    match inventory.type:
        case InventoryType.STATIC:
            file = File(path="inventory/hosts", content=content)
            return file, ("-i", f"{WORKSPACE}/{file.path}")
        case InventoryType.STATIC_YAML:
            file = File(path="inventory/hosts.yml", content=content)
            return file, ("-i", f"{WORKSPACE}/{file.path}")
        case InventoryType.FILE:
            path = inventory_path(inventory)
            if path is None:
                return None, ("-i", literal(inventory.inventory.strip()))
            folder = INVENTORY_CHECKOUT if inventory.source else CHECKOUT
            return None, ("-i", f"{WORKSPACE}/{folder}/{literal(path)}")
        case _:
            raise Invalid(
                f"An inventory of the type {inventory.type} is not for Ansible"
            )
