"""The apps: the programs that templates can run.

A new app of scripts needs only a row of this table. An app whose steps are made in
another way also needs a function in ``jobs``.
"""

from typing import Final

import msgspec

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.refusals import quoted


class App(msgspec.Struct, frozen=True, kw_only=True):
    """A program that templates can run.

    *id* is stored and is part of the API, as are *title*, *icon*, *color*, *dark_color*
    (for dark pages), *path* and *priority*, the highest of which is listed first.

    *program* is executed with *arguments*, the path of the file and the arguments of
    the template. *file* is the word for that file. A template of an app with
    *needs_inventory* must have an inventory.

    An app that *plans* runs in phases: it plans the changes, waits for an approval, and
    applies them. Its file is a directory of the repository, by default the whole.

    *package* is the package that has the program, or *pip* the distribution for pip.
    With a *purpose* the server warns at its start if the program is missing.
    """

    id: str
    title: str
    icon: str
    color: str
    dark_color: str
    path: str
    priority: int
    program: str
    arguments: tuple[str, ...] = ()
    file: str = "script"
    needs_inventory: bool = False
    plans: bool = False
    package: str = ""
    pip: str = ""
    purpose: str = ""

    @property
    def is_ansible(self) -> bool:
        """Whether Ansible interprets the arguments and the variables of a task."""
        return self.id == ANSIBLE.id

    @property
    def install(self) -> str:
        """The words that tell how to install the program; empty if not known."""
        if self.pip:
            return f"pip install {self.pip}"
        return f"the package {self.package}" if self.package else ""


ANSIBLE: Final = App(
    id="ansible",
    title="Ansible Playbook",
    icon="mdi-ansible",
    color="black",
    dark_color="white",
    path="ansible-playbook",
    priority=1000,
    program="ansible-playbook",
    file="playbook",
    needs_inventory=True,
    pip="ansible-core",
    purpose="to run playbooks",
)

TERRAFORM: Final = App(
    id="terraform",
    title="Terraform Code",
    icon="mdi-terraform",
    color="#7b42bc",
    dark_color="#a067da",
    path="terraform",
    priority=900,
    program="terraform",
    file="directory",
    plans=True,
    package="terraform",
)

TERRAGRUNT: Final = App(
    id="terragrunt",
    title="Terragrunt Code",
    icon="mdi-terraform",
    color="#5849a6",
    dark_color="#8a7ad9",
    path="terragrunt",
    priority=850,
    program="terragrunt",
    file="directory",
    plans=True,
    package="terragrunt",
)

TOFU: Final = App(
    id="tofu",
    title="OpenTofu Code",
    icon="mdi-terraform",
    color="#b8960c",
    dark_color="#ffda18",
    path="tofu",
    priority=800,
    program="tofu",
    file="directory",
    plans=True,
    package="tofu",
)

BASH: Final = App(
    id="bash",
    title="Bash Script",
    icon="mdi-bash",
    color="black",
    dark_color="white",
    path="/bin/bash",
    priority=200,
    program="bash",
    package="bash",
)

PYTHON: Final = App(
    id="python",
    title="Python Script",
    icon="mdi-language-python",
    color="#3776ab",
    dark_color="#6ca6d9",
    path="python3",
    priority=100,
    program="python3",
    package="python3",
)

_ALL: Final = (ANSIBLE, TERRAFORM, TERRAGRUNT, TOFU, BASH, PYTHON)

#: The table: each app by its id.
APPS: Final[dict[str, App]] = {each.id: each for each in _ALL}


def find(name: str) -> App | None:
    """Return the app *name*, which is Ansible if it is empty, or ``None``."""
    return APPS.get(name or ANSIBLE.id)


def app_of(name: str) -> App:
    """Return the app *name*, as :func:`find` does.

    :raises Invalid: if there is none
    """
    app = find(name)
    if app is None:
        raise Invalid(f"The app {quoted(name)} is not supported")
    return app


def listed() -> list[App]:
    """Return all apps, the highest priority first."""
    return sorted(APPS.values(), key=lambda each: -each.priority)
