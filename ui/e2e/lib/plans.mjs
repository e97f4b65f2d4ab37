// Plans that wait for approval, stored as the server stores them: no Terraform runs.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { addTemplate, api, template } from './runs.mjs'
import { world } from './world.mjs'

const COMMIT = '91be0d4c1f0a2b3c4d5e6f708192a3b4c5d6e7f8'

const attribute = (path, before, after, more = {}) => ({
  path,
  before: before === null ? null : JSON.stringify(before),
  after: after === null ? null : JSON.stringify(after),
  ...more,
})

const change = (action, address, attributes, more = {}) => ({
  address,
  type: address.split('.').at(-2),
  action,
  attributes,
  ...more,
})

/** A plan with something of everything. */
export const NETWORK = {
  add: 3,
  change: 1,
  destroy: 1,
  unchanged: 27,
  serial: 118,
  complete: true,
  changes: [
    change(
      'delete',
      'hcloud_floating_ip.egress_old',
      [
        attribute('ip_address', '203.0.113.44', null),
        attribute('description', 'egress, old', null),
        attribute('home_location', 'fsn1', null),
      ],
      { reason: 'delete_because_no_resource_config' },
    ),
    change(
      'update',
      'hcloud_firewall.k8s_workers',
      [
        attribute('rule[3].source_ips', ['10.30.4.0/24'], ['10.30.0.0/22']),
        attribute('labels.owner', 'net', 'platform'),
        attribute('token', null, null, { sensitive: true }),
      ],
      { unchanged: 9 },
    ),
    change('create', 'hcloud_network_subnet.k8s_pods', [
      attribute('ip_range', null, '10.30.0.0/22'),
      attribute('network_zone', null, 'eu-central'),
      attribute('type', null, 'cloud'),
      attribute('id', null, null, { unknown: true }),
      attribute('gateway', null, null, { unknown: true }),
    ]),
    change('create', 'hcloud_floating_ip.egress', [
      attribute('description', null, 'egress'),
      ...Array.from({ length: 9 }, (_, n) => attribute(`labels.l${n}`, null, `value ${n}`)),
    ]),
    change('create', 'module.dns["eu-central-1"].powerdns_record.egress', [
      attribute('name', null, 'egress.eu-central-1.nordlicht.example.'),
      attribute('records', null, null, { unknown: true }),
      attribute('ttl', null, 300),
      attribute('type', null, 'A'),
    ]),
  ],
  outputs: [
    { name: 'egress', action: 'update', before: '"203.0.113.44"', after: null, unknown: true },
  ],
}

const SCRIPT = `
import json, sqlite3, sys
from datetime import datetime, timedelta, timezone
path, template, user, summary, status, commit = json.load(sys.stdin)
conn = sqlite3.connect(path, timeout=30)
conn.execute("PRAGMA foreign_keys=ON")
at = lambda seconds: (datetime.now(timezone.utc) - timedelta(seconds=seconds)).strftime(
    "%Y-%m-%dT%H:%M:%S.%fZ")
with conn:
    conn.execute("UPDATE project__template SET app = 'terraform' WHERE id = ?", (template,))
    (project,) = conn.execute(
        "SELECT project_id FROM project__template WHERE id = ?", (template,)).fetchone()
    task = conn.execute(
        "INSERT INTO task (uuid, project_id, template_id, status, user_id, created, start,"
        " commit_hash, commit_message) VALUES (lower(hex(randomblob(16))), ?, ?, ?, ?, ?, ?,"
        " ?, 'Move pod network to 10.30.0.0/22')",
        (project, template, status, user, at(1488), at(1487), commit)).lastrowid
    ended = [("checkout", 1487, 1485), ("init", 1485, 1471), ("plan", 1471, 1440)]
    for number, (kind, begin, end) in enumerate(ended, 1):
        conn.execute(
            "INSERT INTO task__stage (task_id, id, type, start, end, result)"
            " VALUES (?, ?, ?, ?, ?, 'success')", (task, number, kind, at(begin), at(end)))
    if summary is not None:
        conn.execute("INSERT INTO task__plan (task_id, summary) VALUES (?, ?)",
            (task, json.dumps(summary)))
    if status == "waiting_confirmation":
        conn.execute("INSERT INTO task__approval (task_id, token, until) VALUES (?, 'x', ?)",
            (task, at(-86400)))
print(task)
`

/** Store a task of the template *name* that waits for approval of *plan*; null for none. */
export async function waiting(name, plan = NETWORK, status = 'waiting_confirmation') {
  const { id } = (await template(name)) ?? (await addTemplate(name, '#!/bin/bash\nfalse\n'))
  const { id: user } = await world.api('GET', '/user')
  const path = join(world.server.folder, 'state', 'semaphore.db')
  const input = JSON.stringify([path, id, user, plan, status, COMMIT])
  const number = Number(execFileSync('python3', ['-c', SCRIPT], { input, encoding: 'utf8' }))
  return api('GET', `/tasks/${number}`)
}
