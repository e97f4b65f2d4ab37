"""The steps that let Terraform keep its state in the server.

A relay of the server's user (``supervision/state_relay.py``) listens on the loopback
address as long as the job. A file in the checkout declares it as the backend, with an
address and a password that end with the task, unless the code declares one itself:
``init`` runs first without the file, and records which backend the code has.
"""

import base64
import sys
from pathlib import Path

from msgspec.structs import replace

from semaphore_twisted.jobs import state_relay
from semaphore_twisted.jobs.identities import REMAINS
from semaphore_twisted.jobs.job_inputs import StateBackend
from semaphore_twisted.jobs.supervision import state_rescue
from semaphore_twisted.jobs.workspace import WORKSPACE, Layout, literal
from semaphore_twisted.model.jobs import Step
from semaphore_twisted.model.states import BACKEND

#: The file that declares the backend, unless a template names another one.
USUAL_FILE = "semaphore_override.tf"

#: Exists if the code has a backend of its own; then workspaces are selected there.
OWN_BACKEND = f"{WORKSPACE}/own-backend"

#: Exists if the server's backend was declared.
DECLARED = f"{WORKSPACE}/declared-backend"

#: Prints the types of the backends that ``init`` has recorded; nothing without one.
#: Terraform has one record. Terragrunt has one in each copy of the code that it made.
_FOUND = r"""
found() {
    {
        printf '%s\n' "${TF_DATA_DIR:-.terraform}/terraform.tfstate"
        for each in .terragrunt-cache "${TG_DOWNLOAD_DIR-}" "${TERRAGRUNT_DOWNLOAD-}"
        do
            [ ! -d "$each" ] || find "$each" -path '*/.terraform/modules' -prune \
                -o -path '*/.terraform/terraform.tfstate' -type f -print
        done
    } | while IFS= read -r each; do
        [ ! -f "$each" ] || tr -d ' \t\r\n' <"$each" |
            grep -oE '"(backend|state_store)":\{"type":"[^"]+"' |
            sed 's/.*:"//; s/"$//'
    done | sort -u
}
"""

#: Writes the file $1, unless ``init`` found a backend. $2 is the mark for a backend of
#: the code, $3 that for the server's, $4 whether the app is Terragrunt.
_DECIDE = rf"""
{_FOUND}
file=$1 own=$2 declared=$3 terragrunt=$4 types=$(found)
if printf '%s\n' "$types" | grep -qx local; then
    : >"$own"
    echo 'WARNING: the code keeps its state in a local file (backend "local"),' \
        'which is deleted with this task: remove that backend from the code,' \
        'or let the template override it'
elif [ "$types" ]; then
    : >"$own"
    echo 'The code has a backend of its own for its state'
elif [ "$terragrunt" = yes ] &&
    cat ./*.hcl ./*.hcl.json 2>/dev/null | grep -qE \
        'remote_state|generate|include|backend|download_dir|read_terragrunt_config'
then
    : >"$own"
    echo 'WARNING: Terragrunt has made no backend that this server can find; if' \
        'the state is a local file, it is deleted with this task: set' \
        'override_backend in the template, so that this server keeps the state'
else
    rm -f -- "./$file" && umask 077 && cat >"./$file" && : >"$declared" || exit 1
    echo 'The state is kept by this server'
fi
"""

#: Writes the file $1 in any case; $2 is the mark for it.
_OVERRIDE = """
rm -f -- "./$1" && umask 077 && cat >"./$1" && : >"$2" || exit 1
echo 'The state is kept by this server'
"""

#: Fails if ``init`` uses another backend than the server's; $1 is whether the app is
#: Terragrunt, which may have its copies of the code anywhere.
_VERIFY = rf"""
{_FOUND}
types=$(found)
case $types in
http) ;;
'') [ "$1" = yes ] ;;
*) false ;;
esac
"""

#: The state that Terraform could not store; it leaves it in its directory.
_LEFT = f"{WORKSPACE}/errored.tfstate"
#: Moves it to $1 if it is newer than one of the marks. Terragrunt has a directory of
#: its own, and no link is followed.
_COLLECT = """
left=$1
shift
for mark; do
    [ ! -e "$mark" ] || find repository -name errored.tfstate -type f -newer "$mark"
done | head -n 1 | while IFS= read -r each; do mv -f -- "$each" "$left"; done
"""
#: The file in memory that has it then.
_RESCUED = "rescued"
_RESCUED_PATH = f"{{pipe:{_RESCUED}}}"
#: Seconds in which the server may be away.
_RESCUE_SECONDS = 7 * 86_400.0

#: Seconds in which the relay finishes the last requests, of which it has 30.
_RELAY_PATIENCE = 35.0

#: Logged for a template without a workspace.
NO_WORKSPACE = (
    "WARNING: the template has no workspace, so without a backend in the code the"
    " state is a local file that is deleted with this task; choose a workspace"
)

#: The task fails with it before the plan.
NOT_USED = (
    "Terraform does not use the server's backend, so the state would not be stored;"
    " look for another backend in the files *_override.tf and in the arguments of init"
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
        patience=_RELAY_PATIENCE,
        quiet=True,
        as_user=False,
        failure="The state of Terraform cannot be reached; run the task again",
    )


def override(base: Step, state: StateBackend, *, file: str) -> Step:
    """Return the step that declares the backend before ``init``, in any case.

    It runs in the directory of *base*; *file* is by default :data:`USUAL_FILE`.
    """
    return replace(
        base,
        name="backend",
        argv=(
            *("sh", "-c", _OVERRIDE, "backend", literal(file or USUAL_FILE)),
            DECLARED,
        ),
        stdin=content(state),
    )


def decision(base: Step, state: StateBackend, *, file: str, terragrunt: bool) -> Step:
    """Return the step after ``init`` that declares the backend if the code has none.

    What the code declares is not guessed from its text: ``init`` has recorded it.
    """
    return replace(
        base,
        name="backend",
        argv=(
            *("sh", "-c", _DECIDE, "backend", literal(file or USUAL_FILE)),
            *(OWN_BACKEND, DECLARED, "yes" if terragrunt else "no"),
        ),
        stdin=content(state),
    )


def verification(base: Step, *, terragrunt: bool) -> Step:
    """Return the step that fails unless ``init`` uses the server's backend."""
    return replace(
        base,
        name="backend check",
        argv=("sh", "-c", _VERIFY, "check", "yes" if terragrunt else "no"),
        quiet=True,
        failure=NOT_USED,
    )


def rescue(base: Step, state: StateBackend, paths: Layout) -> tuple[Step, ...]:
    """Return the last steps, which hand a state that was not stored to the server.

    All processes of the job have ended by then, so its files do not change.
    """
    left = replace(
        base,
        cwd=WORKSPACE,
        name="state rescue",
        quiet=True,
        time_limit=_RESCUE_SECONDS,
    )
    return (
        replace(
            left,
            name="state check",
            argv=("sh", "-c", _COLLECT, "check", _LEFT, DECLARED, OWN_BACKEND),
        ),
        replace(
            left,
            argv=("sh", "-c", 'cat <"$1" >"$2"', "rescue", _LEFT, _RESCUED_PATH),
            requires=_LEFT,
            writes=_RESCUED,
        ),
        Step(
            name="state rescue",
            argv=(
                *(sys.executable, "-I", "-S", str(Path(state_rescue.__file__))),
                *(state.socket, _RESCUED_PATH, OWN_BACKEND),
            ),
            cwd=paths.spool,
            as_user=False,
            stdin=f"{state.alias}\n{state.password}\n".encode(),
            requires=_LEFT,
            reads=_RESCUED,
            time_limit=_RESCUE_SECONDS,
            failure="The state could not be handed to the server",
        ),
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
