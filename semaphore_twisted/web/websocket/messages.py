"""The messages of the websocket, and the VPN status that an audience may see; pure."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from semaphore_twisted.model.changes import Change
from semaphore_twisted.model.ids import ProjectId, TaskId
from semaphore_twisted.model.peers import PeerStatus
from semaphore_twisted.model.results import RunProgress
from semaphore_twisted.model.tasks import OutputLine, Task
from semaphore_twisted.model.users import Visibility
from semaphore_twisted.web.websocket.subscriptions import Subscription


def _fields(**fields: object) -> bytes:
    return msgspec.json.encode(fields)


def log_message(
    project_id: ProjectId, line: OutputLine, *, offset: int = 0, partial: bool = False
) -> bytes:
    """Return the ``log`` message of one line, with its number as ``id``.

    A line that does not end within some seconds is sent in several messages: *offset*
    is the number of its characters in the messages before, and *partial* says that the
    line has not ended. A field that is zero or false is left out.
    """
    more: dict[str, object] = {"offset": offset} if offset else {}
    if partial:
        more["partial"] = True
    return _fields(
        type="log",
        output=line.output[offset:],
        time=line.time,
        task_id=line.task_id,
        project_id=project_id,
        id=line.id,
        **more,
    )


class LineBeginning(msgspec.Struct, frozen=True):
    """The beginning of a line that was sent: number, length, and hash of the text.

    It has no text, since each websocket may have another one.
    """

    id: int
    length: int
    text_hash: int


def beginning(line: OutputLine) -> LineBeginning:
    """Return *line* as the beginning of a line."""
    return LineBeginning(line.id, len(line.output), hash(line.output))


def continued(line: OutputLine, sent: LineBeginning | None) -> int:
    """Return the number of characters of *line* that are in *sent*, its beginning."""
    if sent is None or sent.id != line.id:
        return 0
    is_same = hash(line.output[: sent.length]) == sent.text_hash
    return sent.length if is_same else 0


def update_message(task: Task) -> bytes:
    """Return the ``update`` message with the current state of *task*."""
    return _fields(
        type="update",
        start=task.start,
        end=task.end,
        status=task.status,
        task_id=task.id,
        template_id=task.template_id,
        project_id=task.project_id,
        version=task.version,
    )


def progress_message(
    project_id: ProjectId, task_id: TaskId, progress: RunProgress
) -> bytes:
    """Return the ``progress`` message: the play and the task at which a run is."""
    return _fields(
        type="progress",
        play=progress.play,
        plays=progress.plays,
        play_name=progress.play_name,
        task_name=progress.task_name,
        task_id=task_id,
        project_id=project_id,
    )


def status_message(peers: Sequence[PeerStatus]) -> bytes:
    """Return the ``vpn_status`` message of *peers*."""
    return _fields(type="vpn_status", peers=peers)


def subscribed_message(subscription: Subscription) -> bytes:
    """Return the ``subscribed`` message, the answer to ``subscribe``."""
    return _fields(
        type="subscribed", logs=subscription.logs, changes=subscription.changes
    )


def error_message(sentence: str) -> bytes:
    """Return the ``error`` message, the answer to a wrong ``subscribe``."""
    return _fields(type="error", error=sentence)


def change_message(change: Change) -> bytes:
    """Return the ``change`` message about one object."""
    return _fields(
        type="change",
        kind=change.kind,
        id=change.id,
        project_id=change.project_id,
        action=change.action,
    )


def lost_message() -> bytes:
    """Return the ``changes_lost`` message: changes were not sent."""
    return _fields(type="changes_lost")


def may_know(audience: Visibility, change: Change) -> bool:
    """Return whether *audience* may know of *change*."""
    if audience.confined and (
        change.project_id is None or change.kind.startswith("vpn_")
    ):
        return False
    if change.project_id is not None:
        return audience.sees(change.project_id)
    return audience.everything or (
        change.owner is not None and change.owner == audience.user_id
    )


def seen_by(audience: Visibility, peers: Sequence[PeerStatus]) -> list[PeerStatus]:
    """Return the *peers* that *audience* may see.

    These are its own devices and the hosts of its projects, the hosts without endpoint;
    none for a token for one project.
    """
    if audience.confined:
        return []
    if audience.everything:
        return list(peers)
    seen = []
    for each in peers:
        if each.user_id is not None and each.user_id == audience.user_id:
            seen.append(each)
        elif each.project_id is not None and audience.sees(each.project_id):
            seen.append(replace(each, endpoint=None))
    return seen
