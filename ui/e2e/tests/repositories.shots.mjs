import { gitFolder } from '../lib/gitfolder.mjs'
import { inProject } from '../lib/page.mjs'
import { api } from '../lib/runs.mjs'
import { shoot } from '../lib/shots.mjs'

const PLAY = '- hosts: all\n  tasks: []\n'

export default async function shots() {
  const none = (await api('GET', '/keys')).find((each) => each.type === 'none').id
  const make = (name, git_url, git_branch = 'main') =>
    api('POST', '/repositories', { name, git_url, git_branch, ssh_key_id: none })
  const files = ['site.yml', 'deploy/web.yml', 'deploy/database.yml', 'backup.yml']
  const folder = gitFolder('shots', Object.fromEntries(files.map((each) => [each, PLAY])))
  const item = await make('ops/ansible', folder)
  const gone = await make('ops/archive', folder, 'release-2019')
  await make('network and firewall rules of all sites', 'https://git.example.org/net/rules.git')
  for (const { id } of [item, gone]) await api('POST', `/repositories/${id}/check`, {})
  const shown = (text) => (page) =>
    page.getByRole('dialog').getByText(text).waitFor({ timeout: 60_000 })
  return [
    ...(await shoot('repositories', inProject('/repositories'), (page) =>
      page.getByText('ops/ansible').locator('visible=true').first().waitFor(),
    )),
    ...(await shoot(
      'repository',
      inProject(`/repositories?repository=${item.id}`),
      shown('4 playbooks'),
    )),
    ...(await shoot(
      'repository-failed',
      inProject(`/repositories?repository=${gone.id}`),
      shown('The check failed'),
    )),
    ...(await shoot(
      'repository-add',
      inProject('/repositories?add=1'),
      shown('A template may name another one'),
    )),
  ]
}
