import { inProject } from '../lib/page.mjs'
import { addTemplate, ended, reaches, slow, start } from '../lib/runs.mjs'
import { shoot } from '../lib/shots.mjs'

export default async function shots() {
  for (const name of ['Ping localhost', 'Disk usage', 'Failing script', 'Ping localhost']) {
    await ended(await start(name, { message: name === 'Disk usage' ? 'before the move' : '' }))
  }
  await addTemplate('Backup PostgreSQL', slow(90))
  await reaches(await start('Backup PostgreSQL'), 'running')
  const listed = (page) =>
    page.getByText('Backup PostgreSQL').locator('visible=true').first().waitFor()
  return [
    ...(await shoot('30-tasks', inProject('/tasks'), listed)),
    ...(await shoot('30-tasks-chosen', inProject('/tasks'), async (page) => {
      await listed(page)
      const choose = page.getByRole('button', { name: 'Select', exact: true })
      if (await choose.isVisible()) await choose.click()
      const boxes = page.locator('li, tbody tr').getByRole('checkbox')
      for (const i of [0, 1, 2]) await boxes.nth(i).click()
    })),
    ...(await shoot('30-tasks-none', inProject('/tasks?status=stopped'), (page) =>
      page.getByText('No task matches').waitFor(),
    )),
    ...(await shoot(
      '30-tasks-german',
      inProject('/tasks?user=1'),
      (page) => page.getByText('Alle zeigen').locator('visible=true').first().waitFor(),
      { language: 'de' },
    )),
  ]
}
