import { inProject } from '../lib/page.mjs'
import { shoot } from '../lib/shots.mjs'
import { world } from '../lib/world.mjs'

export default async function shots() {
  for (const [name, username, role] of [
    ['Priya Raman', 'priya-member', 'manager'],
    ['Jonas Weber', 'jonas-member', 'task_runner'],
    ['Maximilian Freiherr von Hohenfels-Lichtenberg', 'max-member', 'guest'],
  ]) {
    const email = `${username}@nordlicht.example`
    const { id } = await world.api('POST', '/users', { name, username, email })
    await world.api('POST', `/project/${world.project}/users`, { user_id: id, role })
  }
  await world.api('POST', '/users', {
    name: 'Sara Kühn',
    username: 'sara-member',
    email: 's@n.example',
  })
  return [
    ...(await shoot('33-team', inProject('/team'), (page) =>
      page.getByText('Jonas Weber').waitFor(),
    )),
    ...(await shoot('33-team-remove', inProject('/team'), async (page) => {
      await page.getByRole('button', { name: 'Remove Jonas Weber' }).click()
      await page.getByLabel('Disable the account everywhere').check()
    })),
    ...(await shoot('33-team-add', inProject('/team?add=member'), (page) =>
      page.getByRole('dialog').getByRole('radio', { name: 'Guest' }).waitFor(),
    )),
  ]
}
