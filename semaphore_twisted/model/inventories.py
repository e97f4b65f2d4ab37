"""Inventories and environments (variable groups)."""

from enum import StrEnum

import msgspec
from typing_extensions import override

from semaphore_twisted.model.ids import (
    EnvironmentId,
    InventoryId,
    KeyId,
    ProjectId,
    RepositoryId,
    TemplateId,
)
from semaphore_twisted.model.reprs import redacted

#: Some editors write it at the start of a file; Ansible reads it as part of the word.
BYTE_ORDER_MARK = "\ufeff"


class InventoryType(StrEnum):
    """Types of inventories."""

    STATIC = "static"
    STATIC_YAML = "static-yaml"
    FILE = "file"
    TERRAFORM_WORKSPACE = "terraform-workspace"
    TOFU_WORKSPACE = "tofu-workspace"
    #: the project's hosts in the VPN; not a type of Semaphore's
    VPN = "vpn"


#: The workspace that Terraform has without any other.
DEFAULT_WORKSPACE = "default"

#: The types of inventories that are a workspace of Terraform or OpenTofu.
WORKSPACES = frozenset(
    {InventoryType.TERRAFORM_WORKSPACE, InventoryType.TOFU_WORKSPACE}
)


#: The type of the workspaces of an app.
WORKSPACE_OF_APP = {
    "terraform": InventoryType.TERRAFORM_WORKSPACE,
    "terragrunt": InventoryType.TERRAFORM_WORKSPACE,
    "tofu": InventoryType.TOFU_WORKSPACE,
}


class Inventory(msgspec.Struct, frozen=True, kw_only=True):
    """An inventory, as the API shows it (exactly these keys)."""

    id: InventoryId
    name: str
    project_id: ProjectId
    inventory: str
    ssh_key_id: KeyId | None
    become_key_id: KeyId | None
    type: InventoryType
    holder_id: TemplateId | None = None
    repository_id: RepositoryId | None = None
    #: the damaged fields of the stored row; absent if there are none
    fault: str | msgspec.UnsetType = msgspec.UNSET


class EnvironmentSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A secret variable of an environment; the API shows *secret* empty."""

    id: KeyId
    type: str
    name: str
    secret: str = ""
    operation: str = ""

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self, "id", "name", "type")


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """A variable group, as the API shows it (exactly these keys).

    *json* (extra variables) and *env* (process environment) are JSON inside a string.
    """

    id: EnvironmentId
    name: str
    project_id: ProjectId
    password: str | None = None
    json: str
    env: str | None
    secrets: tuple[EnvironmentSecret, ...] | None = None
    #: the damaged fields of the stored row; absent if there are none
    fault: str | msgspec.UnsetType = msgspec.UNSET

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self, "id", "name")
