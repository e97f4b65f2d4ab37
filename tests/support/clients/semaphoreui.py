"""The scenario by ``semaphoreui-client``, as far as its contract is served.

It expects 204 where keys, repositories and environments are created, as releases up to
2.10 answered, and a template and a task without the fields of later ones: these steps
are left out, and the test makes the objects.
"""

import json
import os
import sys

from semaphoreui_client.client import SemaphoreUIClient

client = SemaphoreUIClient(os.environ["URL"])
client.http.verify = os.environ["CA"]
client.login(os.environ["LOGIN"], os.environ["PASSWORD"])
client.whoami()
token = client.create_token()
tokens = [each.id for each in client.tokens()]
project = client.create_project("By semaphoreui_client", False, "", 0, "", False)
(key,) = project.keys()
(environment,) = project.environments()
view = project.create_view("View", 0)
inventory = project.create_inventory(
    "Hosts", "localhost\n", key.id, key.id, "static", None
)
report = {
    "project": project.id,
    "listed": project.id in [each.id for each in client.projects()],
    "key": key.name,
    "environment": environment.name,
    "role": project.role().role,
    "users": [each.username for each in project.users()],
    "views": [each.title for each in project.views()],
    "inventories": [each.name for each in project.inventories()],
    "repositories": len(project.repositories()),
    "tokens": sum(token.id.startswith(each[:8]) for each in tokens),
}
project.name = "Renamed"
project.save()
report["name"] = client.get_project(project.id).name
inventory.delete()
view.delete()
project.delete()
token.delete()
client.logout()
sys.stdout.write(json.dumps(report))
