import assert from 'node:assert/strict'
import { checkAccess } from '../lib/axe.mjs'
import { inProject, pageTest } from '../lib/page.mjs'
import { ended, start } from '../lib/runs.mjs'

pageTest('a run appears, and its end, without a reload', async (page) => {
  await page.goto(inProject())
  await page.locator('[data-state=live]').waitFor()
  const task = await start('Ping localhost')
  const row = page.locator('.row2', { hasText: `#${task.id}` })
  await row.waitFor()
  await ended(task)
  await row.getByText('Success').waitFor()
})

pageTest('a failure needs somebody until a later run succeeds', async (page) => {
  const task = await start('Failing script')
  await ended(task)
  await page.goto(inProject())
  const needs = page.getByRole('region', { name: 'Needs you' })
  await needs.getByText(`#${task.id}`).waitFor()
  const number = page.getByRole('link', { name: /^Dashboard/ }).locator('.n')
  assert.equal(await number.textContent(), '1')
})

for (const look of [{}, { dark: true }, { phone: true }]) {
  pageTest(`axe finds nothing on the dashboard ${JSON.stringify(look)}`, look, async (page) => {
    await page.goto(inProject())
    await page.getByRole('region', { name: 'Recent' }).waitFor()
    await checkAccess(page)
  })
}
