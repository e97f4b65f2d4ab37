"""The scenario by a client that a generator made from a contract.

The argument is the client's Python package, and ``old`` for the contract of 2.8, which
does not say that a value may be null, so that its client must not check the types of
answers. All of them have the names of the contract: ``project_project_id_keys_post`` is
``POST /project/{project_id}/keys``.
"""

import importlib
import json
import os
import pkgutil
import sys
import time
from collections.abc import Iterator
from typing import Any

URL, CA = os.environ["URL"], os.environ["CA"]
PACKAGE = sys.argv[1]
IS_OLD = sys.argv[2:] == ["old"]

client = importlib.import_module(PACKAGE)
models = importlib.import_module(f"{PACKAGE}.models")


def _classes() -> Iterator[type]:
    """Yield the classes that make calls."""
    places = [client]
    if IS_OLD:  # its package has only the connection
        place = importlib.import_module("semaphore")
        places = [
            importlib.import_module(f"semaphore.{found.name}")
            for found in pkgutil.iter_modules(place.__path__)
        ]
    for each in places:
        yield from (
            found
            for name, found in vars(each).items()
            if name.endswith("Api") and isinstance(found, type)
        )


class Calls:
    """The operations of the contract, as one object."""

    def __init__(self, configuration: Any, cookie: str | None = None) -> None:
        """Make one connection for all classes."""
        self.connection = client.ApiClient(configuration, cookie=cookie)
        self._all = [each(self.connection) for each in _classes()]

    def __getattr__(self, name: str) -> Any:
        """Return the method *name* of the class that has it."""
        for each in self._all:
            found = getattr(each, name, None)
            if found is not None:
                break
        else:
            raise AttributeError(name)
        if not IS_OLD:
            return found
        return lambda *args: found(*args, _check_return_type=False)


def model(kind: str, /, **fields: Any) -> Any:
    """Return a value of the contract's type *kind*."""
    return getattr(models, kind)(**fields)


def configuration() -> Any:
    """Return the settings of a client: its server, and the CA that it trusts."""
    if not IS_OLD:
        return client.Configuration(host=f"{URL}/api", ssl_ca_cert=CA)
    found = client.Configuration(host=f"{URL}/api")
    found.ssl_ca_cert = CA
    return found


def log_in() -> str:
    """Log in, and return the whole cookie as the server has sent it."""
    anonymous = Calls(configuration())
    body = model("Login", auth=os.environ["LOGIN"], password=os.environ["PASSWORD"])
    if IS_OLD:
        found = anonymous._all[0].auth_login_post(body, _return_http_data_only=False)
        headers = found[2]
    else:
        headers = anonymous.auth_login_post_with_http_info(body).headers
    return str(headers["Set-Cookie"])


def ids(found: list[Any]) -> dict[str, int]:
    """Return the ids in a list, by name: not each contract has an answer's id."""
    return {each.name: each.id for each in found}


def main() -> None:
    """Run the scenario."""
    cookie = log_in()
    with_cookie = Calls(configuration(), cookie=cookie)
    has_name = hasattr(models, "UserTokensPostRequest")
    named = [model("UserTokensPostRequest", name="client")] if has_name else []
    token = with_cookie.user_tokens_post(*named)
    settings = configuration()
    settings.api_key["bearer"] = token.id
    settings.api_key_prefix["bearer"] = "Bearer"
    calls = Calls(settings)
    me = calls.user_get()
    calls.projects_post(model("ProjectRequest", name=f"By {PACKAGE}"))
    project = ids(calls.projects_get())[f"By {PACKAGE}"]
    password = {"login": "deploy", "password": "hidden"}
    if not IS_OLD:
        password = model("AccessKeyRequestLoginPassword", **password)
    calls.project_project_id_keys_post(
        project,
        model(
            "AccessKeyRequest",
            name="Login",
            type="login_password",
            project_id=project,
            login_password=password,
        ),
    )
    kind = () if IS_OLD else ("",)
    keys = ids(calls.project_project_id_keys_get(project, *kind, "name", "asc"))
    calls.project_project_id_repositories_post(
        project,
        model(
            "RepositoryRequest",
            name="Files",
            project_id=project,
            git_url=os.environ["REPOSITORY"],
            git_branch="main",
            ssh_key_id=keys["None"],
        ),
    )
    (repository,) = calls.project_project_id_repositories_get(project, "name", "asc")
    inventory = calls.project_project_id_inventory_post(
        project,
        model(
            "InventoryRequest",
            name="Hosts",
            project_id=project,
            inventory="localhost ansible_connection=local\n",
            ssh_key_id=keys["Login"],
            become_key_id=keys["Login"],
            type="static",
        ),
    )
    calls.project_project_id_environment_post(
        project,
        model(
            "EnvironmentRequest",
            name="Variables",
            project_id=project,
            json='{"word": "from the environment"}',
            env="{}",
        ),
    )
    environments = ids(calls.project_project_id_environment_get(project, "name", "asc"))
    calls.project_project_id_templates_post(
        project,
        model(
            "TemplateRequest",
            project_id=project,
            name="Say",
            playbook="say.yml",
            inventory_id=inventory.id,
            repository_id=repository.id,
            environment_id=environments["Variables"],
            description="",
            arguments="[]",
        ),
    )
    by = "alias" if IS_OLD else "name"
    templates = calls.project_project_id_templates_get(project, by, "asc")
    template = ids(templates)["Say"]
    run = "Get" if IS_OLD else "Post"
    task = calls.project_project_id_tasks_post(
        project,
        model(f"ProjectProjectIdTasks{run}Request", template_id=template),
    )
    while (status := task.status) not in {"success", "error", "stopped"}:
        time.sleep(0.1)
        task = calls.project_project_id_tasks_task_id_get(project, task.id)
    output = calls.project_project_id_tasks_task_id_output_get(project, task.id)
    events = calls.project_project_id_events_get(project)
    lists = [
        len(templates),
        len(calls.project_project_id_inventory_get(project, "name", "asc")),
        len(calls.project_project_id_tasks_get(project)),
    ]
    calls.project_project_id_tasks_task_id_delete(project, task.id)
    calls.project_project_id_templates_template_id_delete(project, template)
    calls.project_project_id_environment_environment_id_delete(
        project, environments["Variables"]
    )
    calls.project_project_id_inventory_inventory_id_delete(project, inventory.id)
    calls.project_project_id_repositories_repository_id_delete(project, repository.id)
    calls.project_project_id_keys_key_id_delete(project, keys["Login"])
    left = [each.name for each in calls.projects_get()]
    calls.project_project_id_delete(project)
    calls.user_tokens_api_token_id_delete(token.id)
    with_cookie.auth_logout_post()
    report = {
        "user": me.username,
        "project": project,
        "listed": f"By {PACKAGE}" in left,
        "status": status,
        "output": [each.output for each in output],
        "events": len(events),
        "lists": lists,
    }
    sys.stdout.write(json.dumps(report))


main()
