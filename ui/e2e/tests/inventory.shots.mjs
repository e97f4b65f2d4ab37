import { inProject } from '../lib/page.mjs'
import { addTemplate, api, ended, start } from '../lib/runs.mjs'
import { shoot } from '../lib/shots.mjs'

const HERE = 'ansible_connection=local ansible_python_interpreter=/usr/bin/python3'
const HOSTS = `[web]
web1.fra1 ${HERE}
web2.fra1 ${HERE}
web3.fra1 ansible_host=127.0.0.1 ansible_port=9
[databases]
db1.fra1 ${HERE}
[edge]
edge-with-a-long-name-in-the-cellar-7 ansible_host=127.0.0.1 ansible_port=9
[fra1:children]
web
databases
`

export default async function shots() {
  const make = (name, inventory, type = 'static') =>
    api('POST', '/inventory', { name, type, inventory })
  const good = await make('production', HOSTS)
  const bad = await make(
    'staging',
    'web:\n  hosts:\n    web1:\n    web2: }\n    web3:\n',
    'static-yaml',
  )
  const fresh = await make('VPN hosts', 'tags: web', 'vpn')
  await make('cellar', 'inventory/cellar.yml', 'file')
  for (const { id } of [good, bad]) await api('POST', `/inventory/${id}/check`, {})
  const play = '- hosts: all\n  gather_facts: false\n  tasks:\n    - command: hostname\n'
  await addTemplate('Deploy web', play, { app: 'ansible', inventory_id: good.id })
  await ended(await start('Deploy web'))
  const shown = (text) => (page) =>
    page.getByText(text).locator('visible=true').first().waitFor({ timeout: 60_000 })
  return [
    ...(await shoot('inventory', inProject('/inventory'), shown('production'))),
    ...(await shoot('16-inventory', inProject(`/inventory/${good.id}`), async (page) => {
      await shown('web1.fra1')(page)
      await page.getByRole('button', { name: 'Stop' }).waitFor({ state: 'detached' })
    })),
    ...(await shoot('inventory-broken', inProject(`/inventory/${bad.id}`), shown('YAML parsing'))),
    ...(await shoot('inventory-fresh', inProject(`/inventory/${fresh.id}`), shown('Not checked'))),
    ...(await shoot('inventory-add', inProject('/inventory?add=1'), shown('Password for become'))),
  ]
}
