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
  const form = async (page) => {
    await page.getByText('Plan only').scrollIntoViewIfNeeded()
  }
  const run = async (page) => {
    await page.getByRole('button', { name: 'Run', exact: true }).first().click()
    await page.getByRole('button', { name: /^Options/ }).click()
    await page.locator('.cmd').first().waitFor()
  }
  return [
    ...(await shoot('14-plan', url, there)),
    ...(await shoot('14-plan-sheet', url, sheet)),
    ...(await shoot('14-plan-german', url, there, { language: 'de' })),
    ...(await shoot('14-plan-log', `${url}?view=log`)),
    ...(await shoot('14-plan-dashboard', inProject())),
    ...(await shoot('14-plan-form', inProject(`/templates/${task.template_id}/edit`), form)),
    ...(await shoot('14-plan-run', inProject(`/templates/${task.template_id}`), run)),
  ]
}
