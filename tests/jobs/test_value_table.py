"""The table of values in ``docs/architecture.md`` is complete and true."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import inspect
from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs import values
from semaphore_twisted.jobs.invocation import specification
from semaphore_twisted.jobs.job_inputs import (
    InventorySource,
    JobOptions,
    JobOrder,
    RepositorySource,
    StateBackend,
    VaultPassword,
)
from semaphore_twisted.model.apps import ANSIBLE, BASH, TERRAFORM, AppTable
from semaphore_twisted.model.inventories import InventoryType
from semaphore_twisted.model.jobs import JobSpecification, Step
from semaphore_twisted.model.keys import (
    ClientCertificate,
    LoginPassword,
    NoSecret,
    OpenedSecret,
    SshKey,
    Text,
)
from semaphore_twisted.model.repositories import RepositoryRules
from semaphore_twisted.model.templates import TemplateVault
from tests.support.orders import options, task, template

JOBS = Path(values.__file__).parent
DOCUMENT = Path(__file__).parents[2] / "docs" / "architecture.md"
AUTHORS = {
    *("server", "operator", "administrator", "manager", "task runner", "any account"),
    "committer",
    "VPN host",
}
#: Forms in which a program receives a value; a dash where it does not.
FORMS = {"template", "exact", "argument", "environment", "directory", "pipe", "file"}
PROGRAMS = ("Ansible", "scripts", "Terraform", "git", "ssh-agent")
PHASES = {"init", "workspace", "plan", "show", "apply", "backend", "state"}

#: Values of a task that its template allows, and of all else.
OWN = {"limit": ["limit-of-template"], "tags": ["tag-of-template"]}
FREE = {
    "allow_override_limit": True,
    "allow_override_tags": True,
    "allow_override_skip_tags": True,
    **OWN,
    "skip_tags": ["skip-of-template"],
}
STATE = StateBackend(
    port=20_000,
    socket="/s/StateBackend.socket",
    alias="StateBackend.alias",
    password="StateBackend.password",
)
KEY_TEXT = Text(text="Text.text")
SSH = SshKey(login="SshKey.login", private_key="SshKey.private_key")
LOGIN = LoginPassword(login="LoginPassword.login", password="LoginPassword.password")
CERTIFICATE = ClientCertificate(
    certificate="ClientCertificate.certificate",
    private_key="ClientCertificate.private_key",
)


#: Apps whose programs and arguments are the names of their fields.
_TABLE = AppTable(
    {
        each.id: replace(
            each,
            program=program,
            arguments=("App.arguments",),
            variable_option="App.variable_option",
        )
        for each, program in (
            (ANSIBLE, "ansible-App.program"),
            (TERRAFORM, "App.program"),
            (BASH, "App.program"),
        )
    }
)


def rows() -> Iterator[tuple[list[str], list[str], dict[str, set[str]]]]:
    """Yield the fields, the authors and the forms of each row of the table."""
    text = DOCUMENT.read_text().partition("\n## Values of a job\n")[2]
    for line in text.partition("\n## ")[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 7 and cells[0].startswith("`"):
            forms = {
                program: set(cell.split(", ")) - {"—"}
                for program, cell in zip(PROGRAMS, cells[2:], strict=True)
            }
            yield re.findall(r"`([\w.]+)`", cells[0]), cells[1].split(", "), forms


def _structs(of: inspect.Type) -> Iterator[type[msgspec.Struct]]:
    """Yield the structures in a type."""
    if isinstance(of, inspect.StructType):
        yield of.cls
    for name in ("types", "item_types", "item_type", "key_type", "value_type", "type"):
        found = getattr(of, name, ())
        for each in found if isinstance(found, tuple) else (found,):
            if isinstance(each, inspect.Type):
                yield from _structs(each)


def fields(of: type[msgspec.Struct], seen: set[type]) -> Iterator[str]:
    """Yield the fields of a structure and of those in it, but of former tasks."""
    seen.add(of)
    info = inspect.type_info(of)
    assert isinstance(info, inspect.StructType)
    for field in info.fields:
        name = f"{of.__name__}.{field.name}"
        yield name
        if name != "Template.last_task":
            for inner in _structs(field.type):
                if inner not in seen:
                    yield from fields(inner, seen)


def orders() -> Iterator[JobOrder]:
    """Yield orders in which each text is the name of its field."""
    for app in ("ansible", "bash", "terraform"):
        for free in (True, False):
            own = template(
                app=app,
                playbook="Template.playbook",
                name="Template.name",
                description="Template.description",
                type="build" if free else "deploy",
                start_version="Template.start_version",
                arguments='["Template.arguments"]',
                git_branch=None if free else "Template.git_branch",
                task_params=FREE if free else OWN,
                allow_override_args_in_task=free,
                allow_override_branch_in_task=free,
                vaults=(TemplateVault(vault_key_id=None, name="TemplateVault.name"),),
            )
            asked = task(
                playbook="Task.playbook" if free else "",
                environment='{"Task.environment": "Task.environment"}',
                secret="Task.secret",
                limit="Task.limit" if free else "",
                arguments=(
                    '["-target=Task.arguments"]'
                    if app == "terraform"
                    else '["--limit","Task.arguments"]'
                ),
                git_branch="Task.git_branch" if free else None,
                message="Task.message",
                commit_message="Task.commit_message",
                version="Task.version",
                params={"tags": ["Task.params"]},
            )
            keys: list[tuple[str, OpenedSecret]] = [
                ("ssh://h.example/Source.url", SSH),
                ("https://h.example/Source.url", LOGIN),
                ("https://h.example/Source.url", KEY_TEXT),
                ("/s/RepositoryRules.allowed/Source.url", NoSecret()),
            ]
            for url, key in keys:
                certificate = CERTIFICATE if url.startswith("https") else None
                source = RepositorySource(
                    repository_id=5,
                    url=url,
                    branch="" if free else "Source.branch",
                    key=key,
                    certificate=certificate,
                )
                chosen = key == KEY_TEXT and free
                yield JobOrder(
                    job_name="JobOrder.job_name",
                    task=replace(
                        asked, commit_hash="Task.commit_hash" if chosen else None
                    ),
                    template=replace(own, git_branch=None) if key == SSH else own,
                    username="JobOrder.username",
                    source=source,
                    inventory=InventorySource(
                        type=(
                            InventoryType.TERRAFORM_WORKSPACE
                            if app == "terraform"
                            else InventoryType.STATIC
                            if free
                            else InventoryType.FILE
                        ),
                        inventory="InventorySource.inventory",
                        key=key if key == SSH else LOGIN,
                        become=LOGIN,
                        source=None if free else source,
                    ),
                    vaults=(
                        VaultPassword(name="VaultPassword.name", password=KEY_TEXT),
                        VaultPassword(name="s", script="VaultPassword.script"),
                    ),
                    variables={"a": "JobOrder.variables"},
                    answers={"b": "JobOrder.answers"},
                    secret_variables={"c": "JobOrder.secret_variables"},
                    secret_answers={"d": "JobOrder.secret_answers"},
                    environment={"E": "JobOrder.environment"},
                    secret_environment={"F": "JobOrder.secret_environment"},
                    incoming_version="JobOrder.incoming_version",
                    state=STATE if app == "terraform" else None,
                    apps=_TABLE,
                )


def _options(*, other: bool = False) -> JobOptions:
    """Return options, for jobs of an *other* user or of the server's."""
    return options(
        "/s",
        repositories="/s/JobOptions.repositories",
        spools="/s/JobOptions.spools",
        workspaces="/s/JobOptions.workspaces",
        known_hosts="/s/JobOptions.known_hosts",
        known_hosts_text=b"JobOptions.known_hosts_text" if other else b"",
        uid=1 if other else None,
        gid=1 if other else None,
        ssh_config="/s/JobOptions.ssh_config",
        rules=RepositoryRules(
            allowed=("/s/RepositoryRules.allowed",),
            denied=("/s/RepositoryRules.denied",),
            demo="/s/RepositoryRules.demo",
        ),
        ca_bundle="/s/JobOptions.ca_bundle",
        web_host="https://JobOptions.web_host",
        environment={"G": "JobOptions.environment"},
        search_path="/s/JobOptions.search_path",
        programs=("/s/JobOptions.programs",),
    )


def program_of(step: Step) -> str:
    """Return the column of the table for a step."""
    if step.argv[0].startswith("ansible"):
        return "Ansible"
    if step.name == "script":
        return "scripts"
    if step.name.partition(" ")[0] in PHASES:
        return "Terraform"
    return "ssh-agent" if step.argv[0].startswith("ssh-") else "git"


def given(made: JobSpecification) -> Iterator[tuple[str, str, str]]:
    """Yield each program, form and text in which something is given to it."""
    for step in made.steps:
        if step.approval is not None:
            continue
        program = program_of(step)
        if program == "Terraform":
            yield program, "directory", step.cwd
        yield program, "argument", " ".join(step.argv)
        yield program, "environment", " ".join((*step.environ, *step.environ.values()))
        for content in (step.stdin or b"", *(pipe.content for pipe in step.pipes)):
            yield program, "pipe", content.decode()
    for file in made.files:
        form = {
            "variables/variables.json": "template",
            "variables/exact.json": "exact",
        }.get(file.path, "file")
        yield "Ansible", form, file.content.decode()


class TableTests(SynchronousTestCase):
    """Each value of an order has a row, and reaches programs as documented there."""

    def test_complete(self) -> None:
        """Each field of an order and of its parts has one row, and no other has."""
        listed = [name for names, _, _ in rows() for name in names]
        seen: set[type] = set()
        present = [*fields(JobOrder, seen), *fields(JobOptions, seen)]
        self.assertEqual(sorted(listed), sorted(present))
        for names, authors, forms in rows():
            self.assertLessEqual(set(authors), AUTHORS, names)
            for words in forms.values():
                self.assertLessEqual(words, FORMS, names)

    def test_true(self) -> None:
        """Programs receive each text in the forms of its row, and in no other."""
        found: dict[str, dict[str, set[str]]] = {}
        marks = {name: re.compile(rf"\b{re.escape(name)}\b") for name in _marked()}
        # Parameters are an object; its texts are names.
        marks["Template.task_params"] = re.compile("-of-template")
        for each in orders():
            for other in (False, True):
                made = specification(each, _options(other=other))
                for program, form, text in given(made):
                    for name, mark in marks.items():
                        if mark.search(text):
                            programs = found.setdefault(name, {})
                            programs.setdefault(program, set()).add(form)
        wrong = []
        for names, _, forms in rows():
            for name in names:
                actual = found.get(name, {})
                claimed = {key: words for key, words in forms.items() if words}
                if actual != claimed and name in marks:
                    wrong.append(f"{name}: {actual}")
        self.assertEqual(wrong, [])

    def test_one_module(self) -> None:
        """Only the modules of values take the texts of lower roles, and secrets."""
        texts = {"answers", "secret_answers", "secret_variables", "secret_environment"}
        texts |= {"message", "username", "incoming_version", "version"}
        wrong = [
            f"{path.name}: {node.attr}"
            for path in sorted(JOBS.glob("*.py"))
            if path.stem not in {"values", "details"}
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Attribute)
            and node.attr in texts
            and not (isinstance(node.value, ast.Name) and node.value.id == "error")
        ]
        # What masks are made of.
        allowed = {"secret_answers", "secret_variables", "secret_environment"}
        self.assertEqual(set(wrong), {f"invocation.py: {name}" for name in allowed})

    def test_lower_roles(self) -> None:
        """Ansible takes nothing as a template that a manager did not write."""
        wrong = [
            names
            for names, authors, forms in rows()
            if "template" in forms["Ansible"] and set(authors) != {"manager"}
        ]
        self.assertEqual(wrong, [])


def _marked() -> set[str]:
    """Return the fields whose names are values in some order."""
    text = "\n".join(repr(msgspec.to_builtins(each)) for each in orders())
    text += repr(_options(other=True)) + "Template.task_params"
    seen: set[type] = set()
    present = (*fields(JobOrder, seen), *fields(JobOptions, seen))
    return {name for name in present if name in text}
