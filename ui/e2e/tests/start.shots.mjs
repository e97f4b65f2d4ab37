import { shoot } from '../lib/shots.mjs'
import { startSshd } from '../lib/sshd.mjs'
import { world } from '../lib/world.mjs'

export default async function shots() {
  const host = await startSshd()
  try {
    const own = await world.api('POST', '/projects', { name: 'Staging' })
    const make = (path, body) => world.api('POST', `/project/${own.id}${path}`, body)
    const ssh = { login: host.user, private_key: host.privateKey }
    const key = await make('/keys', { name: 'deploy@staging', type: 'ssh', ssh })
    const playbook = '---\n- hosts: all\n  gather_facts: false\n'
    const names = ['site.yml', 'backup.yml', 'rotate-certificates.yml']
    const files = Object.fromEntries(names.map((name) => [name, playbook]))
    const repository = await make('/repositories', {
      name: 'ansible',
      git_url: host.repository('ansible', files),
      git_branch: 'main',
      ssh_key_id: key.id,
    })
    const inventory = await make('/inventory', {
      name: 'First hosts',
      type: 'static',
      inventory: `web1 ${host.variables} ansible_python_interpreter=/usr/bin/python3\nweb2 ansible_host=127.0.0.1 ansible_port=9\n`,
      ssh_key_id: key.id,
    })
    const at = (step) => `${world.url}/project/${own.id}/start?step=${step}`
    await make(`/repositories/${repository.id}/check`, {})
    await make(`/inventory/${inventory.id}/check`, { repository_id: null })
    const shown = (text) => (page) => page.getByText(text).first().waitFor({ timeout: 40_000 })
    const command = async (page) => {
      const button = page.getByRole('button', { name: 'Save and see the command' })
      const called = page.getByText('This will be called')
      await button.or(called).first().waitFor()
      if (await button.count()) await button.click()
      await called.waitFor()
    }
    const backup = await world.api('GET', `/project/${own.id}/backup`)
    const chosen = async (page) => {
      await page.locator('input[type=file]').setInputFiles({
        name: 'staging.json',
        mimeType: 'application/json',
        buffer: Buffer.from(JSON.stringify(backup)),
      })
      await page.getByRole('button', { name: 'Create from this file' }).waitFor()
    }
    return [
      ...(await shoot('12-new-project', `${world.url}/project/new`, chosen)),
      ...(await shoot('12-first-run', at('repository'), shown('3 playbooks'))),
      ...(await shoot('12-first-run-key', at('key'), shown('Stored key'))),
      ...(await shoot('12-first-run-hosts', at('inventory'), shown('1 of 2 hosts answer'))),
      ...(await shoot('12-first-run-command', at('template'), command)),
    ]
  } finally {
    await host.stop()
  }
}
