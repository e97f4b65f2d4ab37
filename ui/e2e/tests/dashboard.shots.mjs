import { inProject } from '../lib/page.mjs'
import { ended, start } from '../lib/runs.mjs'
import { shoot } from '../lib/shots.mjs'

export default async function shots() {
  for (const name of ['Ping localhost', 'Disk usage', 'Failing script']) {
    await ended(await start(name))
  }
  const faults = await shoot('02-dashboard', inProject(), async (page) => {
    await page.getByRole('region', { name: 'Recent' }).waitFor()
  })
  return [
    ...faults,
    ...(await shoot('18-palette', inProject(), async (page) => {
      await page.getByRole('region', { name: 'Recent' }).waitFor()
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
