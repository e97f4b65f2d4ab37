"""The scenario by the client of semaphore-mcp, on a project restored from a file.

The argument is the file, in Semaphore's format. The client reads objects, changes some
of their fields, and sends the whole objects back.
"""

import json
import os
import sys
import time
from pathlib import Path

from semaphore_mcp.api import SemaphoreAPIClient


def main() -> None:
    """Run the scenario."""
    client = SemaphoreAPIClient(os.environ["URL"], os.environ["TOKEN"])
    backup = json.loads(Path(sys.argv[1]).read_text())
    project = client.restore_project_backup(backup)["id"]
    keys = {each["name"]: each for each in client.list_access_keys(project)}
    client.update_access_key(
        project, keys["Vault"]["id"], login="", password="entered again"
    )
    (template,) = client.list_templates(project)
    number = template["id"]
    client.update_template(project, number, description="Changed")
    task = client.run_task(project, number, environment={"word": "asked"})
    while task["status"] not in {"success", "error", "stopped"}:
        time.sleep(0.1)
        task = client.get_task(project, task["id"])
    (schedule,) = client.list_schedules(project)
    client.set_schedule_active(project, schedule["id"], False)
    report = {
        "project": project,
        "empty": [each["name"] for each in keys.values() if each.get("empty")],
        "template": client.get_template(project, number),
        "status": task["status"],
        "output": client.get_task_raw_output(project, task["id"]),
        "active": client.get_schedule(project, schedule["id"])["active"],
        "again": client.backup_project(project)["templates"],
    }
    client.delete_project(project)
    sys.stdout.write(json.dumps(report))


main()
