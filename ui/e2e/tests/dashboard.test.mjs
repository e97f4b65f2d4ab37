import assert from 'node:assert/strict'
import { checkAccess } from '../lib/axe.mjs'
import { inProject, pageTest } from '../lib/page.mjs'
import { addTemplate, ended, reaches, slow, start } from '../lib/runs.mjs'

const row = (page, task) => page.locator('.row2', { hasText: `#${task.id}` })
const band = (page, name) => page.getByRole('region', { name })

async function open(page) {
  await page.goto(inProject())
  await page.locator('[data-state=live]').waitFor()
}

pageTest('a run appears, its lines and its end, without a reload', async (page) => {
  await addTemplate('Count', slow(3, 'number'))
  await open(page)
  const task = await start('Count')
  await band(page, 'Running now').getByText(`#${task.id}`).waitFor()
  await row(page, task)
    .getByText(/^number \d of 6$/)
    .waitFor()
  await ended(task)
  await row(page, task).getByText('Success').waitFor()
})

pageTest('a run is stopped, after its effect was told', async (page) => {
  await addTemplate('Wait', slow(60))
  const task = await start('Wait')
  await reaches(task, 'running')
  await open(page)
  await row(page, task).getByRole('button', { name: 'Stop' }).click()
  const dialog = page.getByRole('dialog', { name: `Stop Wait #${task.id}` })
  await dialog.getByText(/^What has been changed so far stays changed/).waitFor()
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  await row(page, task).getByRole('button', { name: 'Stop' }).click()
  await dialog.getByRole('button', { name: 'Stop the run' }).click()
  await row(page, task).getByText('Stopped').waitFor()
  assert.equal((await ended(task)).status, 'stopped')
})

pageTest('a failure needs somebody until a later run succeeds', async (page) => {
  await addTemplate('Flaky', '#!/bin/bash\nexit 3\n')
  const failed = await start('Flaky')
  await ended(failed)
  await open(page)
  await band(page, 'Needs you').getByText(`#${failed.id}`).waitFor()
  const number = page.getByRole('link', { name: /^Dashboard/ }).locator('.n')
  const before = Number(await number.textContent())
  assert.ok(before >= 1)
  await page.goto(inProject('/templates')) // counted on every page
  await page.waitForFunction(
    (wanted) => Number(document.querySelector('.nav .n')?.textContent ?? 0) === wanted,
    before,
  )
  await open(page)
  await addTemplate('Flaky', '#!/bin/bash\nexit 0\n')
  await ended(await start('Flaky'))
  await band(page, 'Recent').getByText(`#${failed.id}`).waitFor()
  await page.waitForFunction(
    (wanted) => Number(document.querySelector('.nav .n')?.textContent ?? 0) === wanted,
    before - 1,
  )
})

const TWO_PLAYS = `- name: First
  hosts: all
  gather_facts: false
  tasks:
    - name: Look around
      ansible.builtin.raw: 'true'
- name: Second
  hosts: all
  gather_facts: false
  tasks:
    - name: Wait for the word
      ansible.builtin.raw: sleep 6
    - name: Break something
      ansible.builtin.raw: echo no space left >&2; exit 4
`

pageTest('a run of Ansible shows its play and task, then why it failed', async (page) => {
  const asked = []
  page.on('request', (request) => {
    const found = /tasks\/(\d+)\/summary$/.exec(request.url())
    if (found) asked.push(Number(found[1]))
  })
  await addTemplate('Plays', TWO_PLAYS, { app: 'ansible' })
  await open(page)
  const task = await start('Plays')
  const shown = band(page, 'Running now').locator('.row2', { hasText: `#${task.id}` })
  await shown.getByText('Play 2 of 2').waitFor()
  await shown.getByText('TASK Wait for the word').waitFor()
  assert.equal(await shown.locator('.segs i').count(), 2)
  await page.reload() // the answer tells what the messages told before
  await shown.getByText('Play 2 of 2').waitFor()
  await ended(task)
  const failed = band(page, 'Needs you').locator('.row2', { hasText: `#${task.id}` })
  await failed.getByText(/localhost failed: Break something: .*non-zero return code/).waitFor()
  // each load of the page, each connection of its websocket, and the end
  const times = asked.filter((each) => each === task.id).length
  assert.ok(times <= 5, `${times} requests for the summary of one task`)
  assert.ok(asked.length <= 60, `${asked.length} requests for summaries`)
})

pageTest('rows do not move under the pointer', async (page) => {
  await ended(await start('Disk usage'))
  await open(page)
  await band(page, 'Recent').locator('.row2').first().hover()
  const task = await start('Disk usage')
  await ended(task)
  await page.getByText(/^\d+ new, shown when the pointer leaves/).waitFor()
  assert.equal(await row(page, task).count(), 0)
  await page.mouse.move(600, 20)
  await row(page, task).waitFor()
})

pageTest('keys lead to pages and to the list of keys', async (page) => {
  await open(page)
  await page.keyboard.press('?')
  await page.getByRole('dialog', { name: 'Shortcuts' }).getByText('Go to Dashboard').waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await page.keyboard.press('Control+k')
  await page.getByPlaceholder('Search or run…').fill('dark')
  await page.keyboard.press('Enter')
  await page.waitForFunction(() => document.documentElement.classList.contains('dark'))
})

for (const look of [{}, { phone: true }]) {
  pageTest(`axe finds nothing on the dashboard ${JSON.stringify(look)}`, look, async (page) => {
    await open(page)
    await band(page, 'Recent').waitFor()
    await checkAccess(page)
  })
}
