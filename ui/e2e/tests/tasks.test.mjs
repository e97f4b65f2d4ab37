import assert from 'node:assert/strict'
import { checkAccess } from '../lib/axe.mjs'
import { inProject, pageTest } from '../lib/page.mjs'
import { addTemplate, api, ended, reaches, slow, start } from '../lib/runs.mjs'

const HOSTILE = '<img src=x onerror=alert(1)>\u202e🔑'
const rows = (page) => page.locator('tbody tr')

let runs

/** A successful and a failed run, once. */
async function prepared() {
  runs ??= (async () => {
    const good = await start('Ping localhost', { message: HOSTILE })
    const bad = await start('Failing script', { message: 'm'.repeat(250) })
    return { good: await ended(good), bad: await ended(bad) }
  })()
  return runs
}

pageTest('filters are in the address, and back from there', async (page) => {
  const { good, bad } = await prepared()
  await page.goto(inProject('/tasks'))
  const goodRow = page.getByRole('row', { name: new RegExp(`#${good.id}\\b`) })
  const badRow = page.getByRole('row', { name: new RegExp(`#${bad.id}\\b`) })
  await goodRow.getByText('Success').waitFor()
  await badRow.getByText('Failed').waitFor()
  await page.getByRole('combobox', { name: 'Status' }).click()
  await page.getByRole('option', { name: 'Failed' }).click()
  await goodRow.waitFor({ state: 'detached' })
  assert.match(page.url(), /status=error/)
  await page.reload()
  await badRow.waitFor()
  assert.equal(await goodRow.count(), 0)
  await page.getByRole('button', { name: 'Show all' }).click()
  await goodRow.waitFor()
  await page.getByRole('textbox', { name: 'Name, message or commit' }).fill(`#${good.id}`)
  await badRow.waitFor({ state: 'detached' })
  await goodRow.waitFor()
})

pageTest('template, user and date filter', async (page) => {
  const { good, bad } = await prepared()
  await page.goto(inProject(`/tasks?template=${bad.template_id}`))
  await page.getByRole('row', { name: new RegExp(`#${bad.id}\\b`) }).waitFor()
  assert.equal(await page.getByRole('row', { name: new RegExp(`#${good.id}\\b`) }).count(), 0)
  await page.getByLabel('From').fill('2020-01-01')
  await page.getByLabel('to', { exact: true }).fill('2020-01-31')
  await page.getByText('No task matches').waitFor()
  await page.getByRole('button', { name: 'Show all' }).last().click()
  await page.getByRole('row', { name: new RegExp(`#${good.id}\\b`) }).waitFor()
  await page.goto(inProject(`/tasks?user=${good.user_id}`))
  await page.getByRole('row', { name: new RegExp(`#${good.id}\\b`) }).waitFor()
})

pageTest('a run appears while the list is shown, and is stopped there', async (page) => {
  await prepared()
  await addTemplate('Slow for the history', slow(60))
  await page.goto(inProject('/tasks'))
  await rows(page).first().waitFor()
  const task = await start('Slow for the history')
  const row = page.getByRole('row', { name: new RegExp(`#${task.id}\\b`) })
  await row.getByText('Running').waitFor()
  await row.getByRole('button', { name: /Stop/ }).click()
  await page.getByRole('button', { name: 'Stop the run' }).click()
  await row.getByText('Stopped').waitFor()
  await reaches(task, 'stopped')
})

pageTest('older tasks have an address', async (page) => {
  const { good } = await prepared()
  const template = { template_id: good.template_id }
  const last = await ended(await api('POST', '/tasks', template))
  await page.goto(inProject(`/tasks?before=${last.id}`))
  await page.getByRole('row', { name: new RegExp(`#${good.id}\\b`) }).waitFor()
  assert.equal(await page.getByRole('row', { name: new RegExp(`#${last.id}\\b`) }).count(), 0)
  await page.getByRole('link', { name: 'Back to the newest' }).click()
  await page.getByRole('row', { name: new RegExp(`#${last.id}\\b`) }).waitFor()
})

pageTest('hostile messages are only text', async (page) => {
  await prepared()
  await page.goto(inProject('/tasks'))
  await page.getByText('<img src=x').first().waitFor()
  assert.equal(await page.locator('main img').count(), 0)
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)
  assert.equal(wide, false)
})

for (const look of [{}, { phone: true }]) {
  pageTest(`axe finds nothing in the task history ${JSON.stringify(look)}`, look, async (page) => {
    await prepared()
    await page.goto(inProject('/tasks'))
    await page.getByText('Failing script').locator('visible=true').first().waitFor()
    await checkAccess(page)
  })
}

pageTest('several tasks are stopped, and what has ended is refused by name', async (page) => {
  await prepared()
  await addTemplate('Slow one', slow(60))
  await addTemplate('Slow two', slow(60))
  const tasks = [await start('Slow one'), await start('Slow two')]
  for (const task of tasks) await reaches(task, 'running')
  await page.goto(inProject('/tasks'))
  const box = (task) => page.getByRole('checkbox', { name: new RegExp(`Select .* #${task.id}$`) })
  await box(tasks[0]).press('Space')
  await page.getByText('1 selected').waitFor()
  await box(tasks[1]).click()
  await page.getByText('2 selected').waitFor()
  await checkAccess(page)
  await page.getByRole('button', { name: 'Stop 2' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText(`Slow two #${tasks[1].id}`).waitFor()
  // one of them ends while the question is asked
  await api('POST', `/tasks/${tasks[0].id}/stop`, { force: true })
  await reaches(tasks[0], 'stopped')
  await dialog.getByRole('button', { name: 'Stop 2' }).click()
  await page.getByText('2 tasks are being stopped').first().waitFor() // a repeated stop is no fault
  await reaches(tasks[1], 'stopped')
  await page.getByText('2 selected').waitFor({ state: 'detached' })
})

pageTest('several tasks are deleted; what is gone already has its reason', async (page) => {
  const message = 'to be deleted'
  const made = [
    await start('Ping localhost', { message }),
    await start('Ping localhost', { message }),
  ]
  for (const task of made) await ended(task)
  await page.goto(inProject('/tasks'))
  const row = (task) => page.getByRole('row', { name: new RegExp(`#${task.id}\\b`) })
  for (const task of made) await row(task).getByRole('checkbox').click()
  await page.getByRole('button', { name: 'Delete 2' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText(`Ping localhost #${made[0].id}`).waitFor()
  await api('DELETE', `/tasks/${made[0].id}`)
  await dialog.getByRole('button', { name: 'Delete 2' }).click()
  await page.getByText('1 of 2 done').waitFor()
  await page.getByText(`The project has no task ${made[0].id}`).waitFor()
  await page.getByRole('button', { name: 'Close' }).click()
  for (const task of made) await row(task).waitFor({ state: 'detached' })
})

pageTest('rows are chosen on a phone, and all tasks are stopped', { phone: true }, async (page) => {
  await addTemplate('Slow three', slow(60))
  const task = await start('Slow three')
  await reaches(task, 'running')
  await page.goto(inProject('/tasks'))
  await page.getByRole('button', { name: 'Select', exact: true }).click()
  await page.getByRole('checkbox', { name: new RegExp(`#${task.id}$`) }).click()
  await page.getByText('1 selected').waitFor()
  await checkAccess(page)
  await page.getByRole('button', { name: 'Clear the selection' }).click()
  await page.getByRole('button', { name: 'Stop all' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText(new RegExp(`Slow three #${task.id}`)).waitFor()
  await dialog.getByRole('button', { name: 'Stop all' }).click()
  await reaches(task, 'stopped')
})

pageTest('a new task moves no row below the pointer', async (page) => {
  const { good } = await prepared()
  await page.goto(inProject('/tasks'))
  const row = page.getByRole('row', { name: new RegExp(`#${good.id}\\b`) })
  await row.hover()
  const before = await row.boundingBox()
  const task = await start('Ping localhost')
  await page.getByText('1 new, shown when the pointer leaves').waitFor()
  assert.deepEqual(await row.boundingBox(), before)
  await ended(task)
})
