import { inProject } from '../lib/page.mjs'
import { waiting } from '../lib/plans.mjs'
import { shoot } from '../lib/shots.mjs'

export default async function shots() {
  const task = await waiting('Terraform: network eu-central-1')
  const url = inProject(`/tasks/${task.id}`)
  const there = (page) => page.locator('.prow').first().waitFor()
  const sheet = async (page) => {
    await there(page)
    const verb = page.getByRole('button', { name: /…$/ }).last()
    if (await verb.isVisible()) await verb.click()
  }
  return [
    ...(await shoot('14-plan', url, there)),
    ...(await shoot('14-plan-sheet', url, sheet)),
    ...(await shoot('14-plan-german', url, there, { language: 'de' })),
    ...(await shoot('14-plan-log', `${url}?view=log`)),
    ...(await shoot('14-plan-dashboard', inProject())),
  ]
}
