import { inProject } from '../lib/page.mjs'
import { shoot } from '../lib/shots.mjs'

export default async function shots() {
  const loaded = (page) => page.getByRole('button', { name: 'Delete project…' }).waitFor()
  return [
    ...(await shoot('34-settings', inProject('/settings'), loaded)),
    ...(await shoot('34-settings-delete', inProject('/settings'), async (page) => {
      await loaded(page)
      await page.getByRole('button', { name: 'Delete project…' }).click()
      await page.getByRole('dialog').getByRole('textbox').fill('Dem')
    })),
  ]
}
