import { addTemplate, reaches, slow, start } from '../lib/runs.mjs'
import { shoot } from '../lib/shots.mjs'
import { world } from '../lib/world.mjs'

const USERS = [
  ['Sara Kühn', 'sara', true],
  ['Priya Raman', 'priya', true],
  ['Jonas Weber', 'jonas', false],
  ['Tomáš Novák', 'tomas', false],
  ['Maximilian Freiherr von Hohenfels-Lichtenberg', 'max', false],
]

export default async function shots() {
  for (const [name, username, admin] of USERS) {
    const email = `${username}@nordlicht.example`
    await world.api('POST', '/users', { name, username, email, admin })
  }
  await addTemplate('Backup PostgreSQL', slow(90))
  await reaches(await start('Backup PostgreSQL'), 'running')
  const listed = (page) => page.getByText('Jonas Weber').locator('visible=true').first().waitFor()
  return [
    ...(await shoot('17-administration', `${world.url}/admin`, async (page) => {
      await listed(page)
      await page.getByText('Key store').waitFor()
    })),
    ...(await shoot('17-user', `${world.url}/admin/users`, async (page) => {
      await listed(page)
      await page.getByText('Jonas Weber').locator('visible=true').first().click()
      await page.getByRole('dialog').getByLabel('New password').waitFor()
    })),
    ...(await shoot('17-all-tasks', `${world.url}/admin/tasks`, (page) =>
      page.getByText('Backup PostgreSQL').locator('visible=true').first().waitFor(),
    )),
  ]
}
