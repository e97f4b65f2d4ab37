import { inProject } from '../lib/page.mjs'
import { addTemplate, ended, reaches, slow, start } from '../lib/runs.mjs'
import { shoot } from '../lib/shots.mjs'

const recent = (page) => page.getByRole('region', { name: 'Recent' }).waitFor()

const play = (name, task, seconds) => `- name: ${name}
  hosts: all
  gather_facts: false
  tasks:
    - name: '${task}'
      ansible.builtin.raw: sleep ${seconds}
`
const DEPLOY =
  play('Database', 'migrate : Change the tables', 0) +
  play('Web servers', 'haproxy : Drain backend web2.fra1 and wait for open sessions', 90) +
  play('Caches', 'redis : Empty the cache', 0)

/** Runs of every kind, as a dashboard has them. */
async function prepare() {
  await addTemplate('Backup PostgreSQL', slow(2, 'pg_basebackup: block'))
  for (const name of ['Ping localhost', 'Disk usage', 'Failing script', 'Backup PostgreSQL']) {
    await ended(await start(name))
  }
  await addTemplate('Backup PostgreSQL', slow(90, 'pg_basebackup: block'))
  await reaches(await start('Backup PostgreSQL'), 'running')
  await start('Backup PostgreSQL')
  await addTemplate('Deploy web', DEPLOY, { app: 'ansible' })
  await reaches(await start('Deploy web'), 'running')
}

export default async function shots() {
  await prepare()
  return [
    ...(await shoot('02-dashboard', inProject(), async (page) => {
      await recent(page)
      await page.getByText(/^pg_basebackup: block \d+/).waitFor()
      await page.getByText('Play 2 of 3').waitFor()
    })),
    ...(await shoot('18-palette', inProject(), async (page) => {
      await recent(page)
      await page.keyboard.press('/')
      await page.getByRole('option').first().waitFor()
      await page.keyboard.type('de')
      await page.getByRole('option', { name: /^Deploy web #/ }).waitFor()
    })),
    ...(await shoot(
      '20-german',
      inProject(),
      async (page) => {
        await page.getByRole('region', { name: 'Zuletzt' }).waitFor()
      },
      { language: 'de' },
    )),
  ]
}
