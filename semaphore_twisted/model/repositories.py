"""Repositories: where playbooks and scripts come from."""

import msgspec

from semaphore_twisted.model.ids import KeyId, ProjectId, RepositoryId


class Repository(msgspec.Struct, frozen=True, kw_only=True):
    """A git repository, as the API shows it (exactly these keys)."""

    id: RepositoryId
    name: str
    project_id: ProjectId
    git_url: str
    git_branch: str
    ssh_key_id: KeyId
