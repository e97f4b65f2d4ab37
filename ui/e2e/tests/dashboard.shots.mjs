import { inProject } from '../lib/page.mjs'
import { addTemplate, ended, reaches, slow, start } from '../lib/runs.mjs'
import { shoot } from '../lib/shots.mjs'

const recent = (page) => page.getByRole('region', { name: 'Recent' }).waitFor()

/** Runs of every kind, as a dashboard has them. */
async function prepare() {
  await addTemplate('Backup PostgreSQL', slow(2, 'pg_basebackup: block'))
  for (const name of ['Ping localhost', 'Disk usage', 'Failing script', 'Backup PostgreSQL']) {
    await ended(await start(name))
  }
  await addTemplate('Backup PostgreSQL', slow(90, 'pg_basebackup: block'))
  await reaches(await start('Backup PostgreSQL'), 'running')
  await start('Backup PostgreSQL')
}

export default async function shots() {
  await prepare()
  return [
    ...(await shoot('02-dashboard', inProject(), async (page) => {
      await recent(page)
      await page.getByText(/^pg_basebackup: block \d+/).waitFor()
    })),
    ...(await shoot('18-palette', inProject(), async (page) => {
      await recent(page)
      await page.keyboard.press('/')
      await page.getByRole('option').first().waitFor()
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
