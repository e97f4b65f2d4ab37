"""The apps: the programs that templates can run.

A new app of scripts needs only a row of :data:`APPS`. An app whose steps are made in
another way also needs a function in ``jobs``. An administrator may change the settings
of these apps and add more: :class:`AppTable` has all of them, with the settings that
hold.
"""

import posixpath
import re
from collections.abc import Iterable
from typing import Annotated, Final

import msgspec

from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import Invalid, at_field
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.texts import TASK_JSON, Name, Path, TaskText


class App(msgspec.Struct, frozen=True, kw_only=True):
    """A program that templates can run.

    *id* is stored and is part of the API, as are *title*, *icon*, *color*, *dark_color*
    (for dark pages), *path* and *priority*, the highest of which is listed first. An
    app that is not *active* is refused for new templates and for runs.

    *program* is executed with *arguments*, the path of the file and the arguments of
    the template. *file* is the word for that file. *variable_option* is the option
    before each plain variable ``NAME=value``; empty for none. A template of an app with
    *needs_inventory* must have an inventory.

    An app that *plans* runs in phases: it plans the changes, waits for an approval, and
    applies them. Its file is a directory of the repository, by default the whole.

    *package* is the package of Debian that has the program, or *pip* the distribution
    for pip, or *source* says where else it is from. With a *purpose* the server warns
    at its start if the program is missing.
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
    variable_option: str = ""
    file: str = "script"
    needs_inventory: bool = False
    plans: bool = False
    package: str = ""
    pip: str = ""
    source: str = ""
    purpose: str = ""
    active: bool = True

    @property
    def is_ansible(self) -> bool:
        """Whether Ansible interprets the arguments and the variables of a task."""
        return is_ansible(self.id)

    @property
    def runs_directory(self) -> bool:
        """Whether the program runs a directory, and no script that has arguments."""
        return self.file == "directory"

    @property
    def takes_arguments(self) -> bool:
        """Whether an administrator may set *arguments*: the app runs a script."""
        return not self.is_ansible and not self.plans

    @property
    def install(self) -> str:
        """The words that tell how to install the program; empty if not known."""
        if self.pip:
            return f"pip install {self.pip}"
        return f"the package {self.package}" if self.package else self.source

    def beside(self, name: str) -> str:
        """Return the program *name* of the installation that *program* belongs to."""
        return posixpath.join(posixpath.dirname(self.program), name)


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

POWERSHELL: Final = App(
    id="powershell",
    title="PowerShell Script",
    icon="mdi-powershell",
    color="#5391fe",
    dark_color="#5391fe",
    path="pwsh",
    priority=90,
    program="pwsh",
    arguments=("-File",),
    source="the package powershell of Microsoft",
    active=False,
)

#: Pulumi takes no script but the directory of a program, and a variable as a value of
#: the stack's configuration.
PULUMI: Final = App(
    id="pulumi",
    title="Pulumi",
    icon="mdi-cloud-outline",
    color="#8a3391",
    dark_color="#c77dcd",
    path="pulumi",
    priority=80,
    program="pulumi",
    arguments=("up", "--yes", "--non-interactive", "--cwd"),
    variable_option="--config",
    file="directory",
    source="the archive from pulumi.com",
    active=False,
)

_ALL: Final = (
    ANSIBLE,
    TERRAFORM,
    TERRAGRUNT,
    TOFU,
    BASH,
    PYTHON,
    POWERSHELL,
    PULUMI,
)

#: The apps that the server knows: each by its id.
APPS: Final[dict[str, App]] = {each.id: each for each in _ALL}


def is_ansible(name: str) -> bool:
    """Return whether *name* is the id of Ansible; the empty one is."""
    return (name or ANSIBLE.id) == ANSIBLE.id


def has_plans(name: str) -> bool:
    """Return whether *name* is the id of an app that plans; only built-in ones do."""
    return name in APPS and APPS[name].plans


class AppFields(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of an app by an administrator; ``None`` is its usual value.

    *path* is a program's absolute path, or its name in the PATH of jobs. *args* are
    the arguments before the path of the file; they replace those of the app.
    """

    active: bool | None = None
    priority: int | None = None
    title: str | None = None
    icon: str | None = None
    color: str | None = None
    dark_color: str | None = None
    path: str | None = None
    args: tuple[str, ...] | None = None


class NewApp(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request that creates or changes an app.

    A missing field keeps its value; ``None`` stands for the app's usual one.
    """

    active: bool | msgspec.UnsetType | None = msgspec.UNSET
    priority: int | msgspec.UnsetType | None = msgspec.UNSET
    title: Name | msgspec.UnsetType | None = msgspec.UNSET
    icon: Name | msgspec.UnsetType | None = msgspec.UNSET
    color: Name | msgspec.UnsetType | None = msgspec.UNSET
    dark_color: Name | msgspec.UnsetType | None = msgspec.UNSET
    path: Path | msgspec.UnsetType | None = msgspec.UNSET
    args: Annotated[tuple[Path, ...], TASK_JSON] | msgspec.UnsetType | None = (
        msgspec.UNSET
    )


class InstallationOption(msgspec.Struct, frozen=True, kw_only=True):
    """An option of the installation: its key and its value as a text."""

    key: Name
    value: TaskText = ""


class StoredApp(AppFields, frozen=True, kw_only=True):
    """The row of an app whose settings differ from the usual ones, or of a custom app.

    It is custom if :data:`APPS` does not have the id.
    """

    id: str


class AppTable(msgspec.Struct, frozen=True):
    """All apps by their ids, with the settings that hold."""

    apps: dict[str, App]

    def find(self, name: str) -> App | None:
        """Return the app *name*, which is Ansible if it is empty, or ``None``."""
        return self.apps.get(name or ANSIBLE.id)

    def get(self, name: str) -> App:
        """Return the app *name*, as :meth:`find` does.

        :raises Invalid: if there is none
        """
        app = self.find(name)
        if app is None:
            raise Invalid(f"The app {quoted(name)} is not supported")
        return app

    def usable(self, name: str) -> App:
        """Return the app *name* for a run, as :meth:`get` does.

        :raises Invalid: if there is none, or if it is switched off
        """
        app = self.get(name)
        if not app.active:
            raise Invalid(
                f"The app {quoted(app.id)} is switched off; an administrator can "
                "switch it on in the administration, under Applications"
            )
        return app

    def listed(self) -> list[App]:
        """Return all apps, the highest priority first, then by id."""
        return sorted(self.apps.values(), key=lambda each: (-each.priority, each.id))


#: The apps of an installation where no settings are stored.
BUILT_IN: Final = AppTable(APPS)


def with_settings(stored: Iterable[StoredApp]) -> AppTable:
    """Return the table of the known apps and of *stored*, whose settings hold."""
    return AppTable({**APPS, **{each.id: _effective(each) for each in stored}})


def _effective(stored: StoredApp) -> App:
    known = APPS.get(stored.id)
    base = known or App(
        id=stored.id,
        title=stored.id,
        icon="",
        color="",
        dark_color="",
        path=stored.id,
        priority=0,
        program=stored.id,
    )
    values: dict[str, object] = {
        name: value
        for name in ("active", "priority", "title", "icon", "color", "dark_color")
        if (value := getattr(stored, name)) is not None
    }
    if stored.path is not None:
        values |= {"path": stored.path, "program": stored.path}
    if stored.args is not None and base.takes_arguments:
        values["arguments"] = stored.args
    return msgspec.structs.replace(base, **values)


# What an administrator may set.

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,49}")
_ICON = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_COLOR = re.compile(r"#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})|[A-Za-z]{1,30}")
_PROGRAM = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


def check_id(name: str) -> None:
    """Accept the id of a custom app.

    :raises Invalid: if it has other characters than a key of an option may have
    """
    if not _ID.fullmatch(name):
        raise Invalid(
            f"id: invalid value {quoted(name, 100)}; expected up to 50 letters, "
            "digits, hyphens and underscores, with a letter or digit first, such as "
            '"perl"',
            field="id",
        )


def check_fields(fields: AppFields, app: App) -> None:
    """Accept the settings *fields* of *app*.

    All of them are data for the page and arguments of a process, never markup, style
    or words of a shell.

    :raises Invalid: naming the wrong one and the accepted values
    """
    _check_look(fields)
    if fields.priority is not None and abs(fields.priority) > limits.APP_PRIORITY:
        raise Invalid(
            f"priority: invalid value {fields.priority}; expected "
            f"-{limits.APP_PRIORITY} to {limits.APP_PRIORITY}"
        )
    if fields.path is not None:
        check_path(fields.path)
    if fields.args and not app.takes_arguments:
        raise Invalid(
            f"args: the app {quoted(app.id)} takes none here; write them in the "
            "arguments of its templates"
        )
    with at_field("args"):
        for each in fields.args or ():
            if "\0" in each:
                raise Invalid("args: an argument has a NUL character; remove it")
    if len(fields.args or ()) > limits.APP_ARGUMENTS:
        raise Invalid(
            f"args: {len(fields.args or ())} arguments; expected at most "
            f"{limits.APP_ARGUMENTS}"
        )


def _check_look(fields: AppFields) -> None:
    title = fields.title
    if title is not None and not (title.strip() and title.isprintable()):
        raise Invalid("title: expected a text of one line that is not empty")
    for name, value, pattern, expected in (
        ("icon", fields.icon, _ICON, 'the name of an icon, such as "mdi-bash"'),
        ("color", fields.color, _COLOR, 'a name or a number, such as "#3776ab"'),
        ("dark_color", fields.dark_color, _COLOR, 'a color, such as "white"'),
    ):
        if value and not pattern.fullmatch(value):
            raise Invalid(
                f"{name}: invalid value {quoted(value, 100)}; expected {expected}"
            )


def check_path(path: str) -> None:
    """Accept the path of an app's program: absolute, or a name that is searched.

    :raises Invalid: if it is a relative path, or names a directory
    """
    if path.startswith("/"):
        plain = path.isprintable() and posixpath.normpath(path) == path != "/"
        named = plain and not path.startswith("//")
    else:
        named = _PROGRAM.fullmatch(path) is not None
    if not named:
        raise Invalid(
            f"path: invalid value {quoted(path, 100)}; expected the absolute path of "
            'a program, such as "/usr/bin/perl", or its name, such as "perl"'
        )
