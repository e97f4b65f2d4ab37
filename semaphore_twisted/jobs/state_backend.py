"""The steps that let Terraform keep its state in the server.

A relay of the server's user (``supervision/state_relay.py``) listens on the loopback
address as long as the job. A file in the checkout declares it as the backend, unless
the code declares one itself: with an address and a password that end with the task.
"""

import base64
import sys
from pathlib import Path

from semaphore_twisted.jobs import state_relay
from semaphore_twisted.jobs.identities import REMAINS
from semaphore_twisted.jobs.job_inputs import StateBackend
from semaphore_twisted.jobs.workspace import WORKSPACE, Layout, literal
from semaphore_twisted.model.jobs import Step
from semaphore_twisted.model.states import BACKEND

#: The file that declares the backend, unless a template names another one.
USUAL_FILE = "semaphore_override.tf"

#: Exists if the code has a backend of its own; then workspaces are selected there.
OWN_BACKEND = f"{WORKSPACE}/own-backend"

#: Looks for a backend in the code, and writes the file without one. The arguments are
#: the file, whether it is written in any case, and the mark for a backend of its own.
#: Comments do not count; a backend in JSON is a member of an object.
_DECLARE = r"""
file=$1 forced=$2 mark=$3 own=
code() {
    for each in ./*.tf ./*.tofu ./*.hcl; do
        [ ! -f "$each" ] || sed -e 's/#.*//' -e 's,//.*,,' "$each"
    done | tr '\n' ' ' | sed 's,/\*[^*]*\*/, ,g'
}
json() {
    for each in ./*.tf.json ./*.tofu.json; do
        [ ! -f "$each" ] || cat "$each"
    done | tr -d ' \t\r\n'
}
begin='(^|[{}[:space:]])'
if [ "$forced" != yes ]; then
    own=$(
        code | grep -oE "${begin}backend[[:space:]]+\"[A-Za-z0-9_-]+\""
        code | grep -oE "${begin}(cloud|remote_state)[[:space:]]*\{"
        json | grep -oE '"(cloud"|backend":\{"[A-Za-z0-9_-]+")'
    )
fi
case $own in
'')
    rm -f -- "./$file" && umask 077 && cat >"./$file" || exit 1
    echo 'The state is kept by this server'
    ;;
*'"local"'*)
    : >"$mark"
    echo 'WARNING: the code keeps its state in a local file (backend "local"),' \
        'which is deleted with this task: remove that backend from the code,' \
        'or let the template override it'
    ;;
*)
    : >"$mark"
    echo 'The code has a backend of its own for its state'
    ;;
esac
"""

#: Logged for a template without a workspace.
NO_WORKSPACE = (
    "WARNING: the template has no workspace, so without a backend in the code the"
    " state is a local file that is deleted with this task; choose a workspace"
)


def relay(state: StateBackend, paths: Layout) -> Step:
    """Return the step that passes requests to the server while the job runs.

    It gets the value of ``Authorization`` that Terraform sends (RFC 7617), and refuses
    requests of others.
    """
    ready = f"{paths.spool}/state"
    login = base64.b64encode(f"{state.alias}:{state.password}".encode())
    return Step(
        name="state relay",
        argv=(
            *(sys.executable, "-I", "-S", str(Path(state_relay.__file__))),
            *(str(state.port), state.socket, ready, f"{paths.spool}/{REMAINS}"),
        ),
        stdin=b"Basic " + login,
        cwd=paths.spool,
        background=True,
        ready=ready,
        quiet=True,
        as_user=False,
        failure="The state of Terraform cannot be reached; run the task again",
    )


def declaration(base: Step, state: StateBackend, *, file: str, forced: bool) -> Step:
    """Return the step that declares the backend, in the directory of *base*.

    *file* is its name, by default :data:`USUAL_FILE`; *forced* writes it even if the
    code has a backend.
    """
    return Step(
        name="backend",
        argv=(
            *("sh", "-c", _DECLARE, "backend"),
            *(literal(file or USUAL_FILE), "yes" if forced else "no", OWN_BACKEND),
        ),
        cwd=base.cwd,
        environ=base.environ,
        stdin=content(state),
    )


def content(state: StateBackend) -> bytes:
    """Return the file that declares the backend; it has the password of the task."""
    address = f"http://127.0.0.1:{state.port}{BACKEND}{state.alias}"
    return f"""\
terraform {{
  backend "http" {{
    address        = "{address}"
    lock_address   = "{address}"
    unlock_address = "{address}"
    lock_method    = "LOCK"
    unlock_method  = "UNLOCK"
    username       = "{state.alias}"
    password       = "{state.password}"
    retry_max      = 10
    retry_wait_min = 1
    retry_wait_max = 30
  }}
}}
""".encode()
