"""Previews of runs: the same inputs and rules as those of a task, without secrets."""

from msgspec.structs import replace

from semaphore_twisted.jobs.job_inputs import JobOptions
from semaphore_twisted.jobs.preview import PLACEHOLDER, preview
from semaphore_twisted.model.keys import (
    KeyRow,
    KeyType,
    LoginPassword,
    NoSecret,
    OpenedSecret,
    SshKey,
    Text,
)
from semaphore_twisted.model.previews import RunPreview
from semaphore_twisted.model.users import Access, Actor
from semaphore_twisted.operations.projects.references import project_of
from semaphore_twisted.operations.tasks.overrides import NewTask
from semaphore_twisted.operations.tasks.tasks import draft, template_of
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.tasks.preparation import Inputs


def previewed(
    options: JobOptions, conn: Connection, actor: Actor, body: NewTask
) -> RunPreview:
    """Return what the task that *body* would start would receive; nothing is stored.

    No secret is opened: each is a placeholder. For an actor who may not read variable
    groups their plain values are placeholders, too.

    :raises NotFound: if the template does not belong to the project
    :raises Invalid: if the task could not be started
    """
    project = project_of(actor)
    template = template_of(conn, project, body.template_id)
    made = draft(conn, template, body, user_id=actor.user.id)
    answers = dict.fromkeys(made.secrets, PLACEHOLDER)
    order = Inputs(conn, project, _masked).order(made.task, "preview", answers)
    if not actor.may(Access.MANAGE_RESOURCES.permission):
        order = replace(
            order,
            variables=dict.fromkeys(order.variables, PLACEHOLDER),
            environment=dict.fromkeys(order.environment, PLACEHOLDER),
        )
    return preview(order, options)


def _masked(row: KeyRow) -> OpenedSecret:
    """Return a secret of the type of *row* that consists of placeholders.

    It has no login, since some keys have none. A client certificate is left out: only
    git receives it, and placeholders are no certificate.
    """
    match row.type:
        case KeyType.SSH:
            return SshKey(login="", private_key=PLACEHOLDER)
        case KeyType.LOGIN_PASSWORD:
            return LoginPassword(login="", password=PLACEHOLDER)
        case KeyType.STRING:
            return Text(text=PLACEHOLDER)
        case KeyType.NONE | KeyType.CLIENT_CERTIFICATE:
            return NoSecret()
