import { inProject } from '../lib/page.mjs'
import { api } from '../lib/runs.mjs'
import { shoot } from '../lib/shots.mjs'

export default async function shots() {
  const json = '{"domain": "example.org", "ports": [80, 443], "release": "2026.11", "debug": false}'
  const env = '{"ANSIBLE_FORKS": "20", "HTTPS_PROXY": "http://proxy.example.org:3128"}'
  const secret = (name, type) => ({ name, type, secret: 'x', operation: 'create' })
  const secrets = [secret('cloud_token', 'var'), secret('VAULT_TOKEN', 'env')]
  const item = await api('POST', '/environment', { name: 'production', json, env, secrets })
  await api('POST', '/environment', { name: 'staging of the new data center', json: '{}' })
  const shown = (page) => page.getByRole('dialog').getByText('Used by').waitFor()
  const one = inProject(`/variables?group=${item.id}`)
  return [
    ...(await shoot('variables', inProject('/variables'), (page) =>
      page.getByText('production').locator('visible=true').first().waitFor(),
    )),
    ...(await shoot('variables-group', one, shown)),
    ...(await shoot('variables-change', one, async (page) => {
      await shown(page)
      await page.getByRole('dialog').getByRole('button', { name: 'Change' }).click()
    })),
  ]
}
