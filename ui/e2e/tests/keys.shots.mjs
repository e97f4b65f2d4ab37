import { inProject } from '../lib/page.mjs'
import { shoot } from '../lib/shots.mjs'
import { addTemplate } from '../lib/runs.mjs'
import { sshKey } from '../lib/sshkeys.mjs'
import { world } from '../lib/world.mjs'

export default async function shots() {
  const make = (body) => world.api('POST', `/project/${world.project}/keys`, body)
  const ssh = (name) =>
    make({ name, type: 'ssh', ssh: { login: 'deploy', private_key: sshKey().secret } })
  const { id } = await ssh('deploy@hosts')
  const inventory = await world.api('POST', `/project/${world.project}/inventory`, {
    name: 'Web servers in Frankfurt',
    type: 'static',
    inventory: 'localhost',
    ssh_key_id: id,
  })
  for (const name of ['Deploy web', 'Update all servers'])
    await addTemplate(name, '#!/bin/bash\n', { inventory_id: inventory.id })
  await ssh('jump-ams2-with-a-long-name-from-the-old-server-import')
  const login_password = { login: 'postgres-ops', password: 'example' }
  await make({ name: 'become on databases', type: 'login_password', login_password })
  await make({ name: 'grafana service account', type: 'string', string: 'example' })
  const listed = (page) => page.getByText('deploy@hosts').locator('visible=true').first().waitFor()
  const add = (text, words) => async (page) => {
    const panel = page.getByRole('dialog')
    await panel.getByLabel('Name').fill('deploy new web hosts')
    await panel.getByLabel('Private key').fill(text)
    await panel.getByText(words).first().waitFor()
  }
  return [
    ...(await shoot('06-keys', inProject('/keys'), listed)),
    ...(await shoot('07-key-add', inProject('/keys?add=ssh'), add(sshKey().secret, 'New to'))),
    ...(await shoot(
      '08-key-add-wrong',
      inProject('/keys?add=ssh'),
      add(sshKey().shared, 'public key'),
    )),
    ...(await shoot('06-key', inProject('/keys'), async (page) => {
      await listed(page)
      await page.getByText('deploy@hosts').locator('visible=true').first().click()
      await page.getByRole('dialog').getByText('Update all servers').waitFor()
    })),
  ]
}
