import assert from 'node:assert/strict'
import { checkAccess } from '../lib/axe.mjs'
import { inProject, pageTest } from '../lib/page.mjs'
import { addTemplate, ended, start, until } from '../lib/runs.mjs'
import { clearSchedules, makeSchedule, schedules, switchSchedule } from '../lib/schedules.mjs'

const only = async () => (await schedules())[0]
const choose = async (page, label, option) => {
  await page.getByRole('dialog').getByLabel(label).click()
  await page.getByPlaceholder('Find').fill(option)
  await page.getByRole('option', { name: option }).first().click()
}

pageTest('a schedule is added, with its answers and the next five runs', async (page) => {
  await clearSchedules()
  const template = await addTemplate('Ask', 'echo "$@"', {
    survey_vars: [
      { name: 'ring', title: 'Ring', required: true },
      { name: 'word', title: 'Word', type: 'secret' },
    ],
  })
  await page.goto(inProject('/schedules'))
  await page.getByText('No schedules yet').waitFor()
  await page.getByRole('button', { name: 'New schedule' }).first().click()
  const panel = page.getByRole('dialog')
  const add = panel.getByRole('button', { name: 'Add schedule' })
  assert.ok(await add.isDisabled())
  await panel.getByLabel('Name').fill('By night')
  await choose(page, 'Template', 'Ask')
  const expression = panel.getByLabel('Cron expression')
  await expression.fill('61 * * * *')
  page.expectRefusal(400, '/schedules/validate')
  await panel.getByText('Cron: minute: invalid value "61"').waitFor()
  assert.ok(await add.isDisabled())
  await expression.fill('* 4 * * *')
  await panel.getByText('60 runs between 04:00 and 04:59').waitFor()
  await panel.getByRole('button', { name: 'Weekdays at 7' }).click()
  await panel.getByText('Monday to Friday at 07:00').waitFor()
  await choose(page, 'Time zone', 'Asia/Tokyo')
  await panel.getByText('In Tokyo, and by your clock').waitFor()
  assert.equal(await panel.getByRole('row').count(), 6)
  await add.click()
  await panel.getByText('An answer is needed').waitFor()
  await panel.getByLabel('Ring').fill('canary')
  await panel.getByLabel('Word').fill('opensesame')
  await add.click()
  await panel.waitFor({ state: 'detached' })
  const row = page.getByRole('row', { name: /By night/ })
  await row.getByText('Monday to Friday at 07:00').waitFor()
  await row.getByText('Never run').waitFor()
  const made = await only()
  assert.equal(made.template_id, template.id)
  assert.equal(made.timezone, 'Asia/Tokyo')
  assert.deepEqual(made.secrets, ['word'])
  assert.deepEqual(JSON.parse(made.task_params.environment), { ring: 'canary' })
})

pageTest('a change keeps the secret answers that are not entered anew', async (page) => {
  const { id } = await only()
  await page.goto(inProject(`/schedules?schedule=${id}`))
  const panel = page.getByRole('dialog')
  await panel.getByText('A value is stored').waitFor()
  await panel.getByLabel('Name').fill('At noon')
  await panel.getByLabel('Cron expression').fill('0 12 * * *')
  await panel.getByText('Every day at 12:00').waitFor()
  await panel.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('row', { name: /At noon/ }).waitFor()
  const changed = await only()
  assert.deepEqual([changed.name, changed.secrets], ['At noon', ['word']])
})

pageTest('a form does not undo what was changed elsewhere', async (page) => {
  const { id } = await only()
  await page.goto(inProject(`/schedules?schedule=${id}`))
  const panel = page.getByRole('dialog')
  await panel.getByText('A value is stored').waitFor()
  await panel.getByLabel('Name').fill('At one')
  await switchSchedule(id, false)
  page.expectRefusal(412, `/schedules/${id}`)
  await panel.getByRole('button', { name: 'Save' }).click()
  await panel.getByText('changed').first().waitFor()
  const left = await only()
  assert.deepEqual([left.name, left.active], ['At noon', false])
  await switchSchedule(id, true)
})

pageTest('a schedule is switched off and on, and deleted', async (page) => {
  await page.goto(inProject('/schedules'))
  const row = page.getByRole('row', { name: /At noon/ })
  await row.getByRole('switch').click()
  await row.getByText('never, switched off').waitFor()
  assert.equal((await only()).active, false)
  await page.getByRole('tab', { name: /Off/ }).click()
  await row.getByRole('switch').click()
  await page.getByText('No schedule matches').waitFor()
  await page.getByRole('button', { name: 'Show all schedules' }).click()
  await row.getByRole('button', { name: 'At noon', exact: true }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('button', { name: 'Delete the schedule' }).click()
  await page.getByText('No schedules yet').waitFor()
  assert.deepEqual(await schedules(), [])
})

pageTest('a run appears with its result, without a reload', async (page) => {
  await clearSchedules()
  await addTemplate('Quick', 'echo quick')
  const { id } = await makeSchedule('often', '@every 1s', { template: 'Quick' })
  await page.goto(inProject('/schedules'))
  const row = page.getByRole('row', { name: /often/ })
  await row.getByText('3,600 runs an hour').waitFor()
  await row.getByText('Success').waitFor()
  await row.getByRole('switch').click()
  await row.getByText('never, switched off').waitFor()
  await until(async () => (await schedules()).every((each) => each.id !== id || !each.active))
  await page.getByRole('listitem').filter({ hasText: 'today' }).first().waitFor()
})

pageTest('the coming days, and the schedules of a template', async (page) => {
  await clearSchedules()
  const made = await makeSchedule('early', '0 6 * * *', { template: 'Quick' })
  await makeSchedule('always', '* * * * *', { template: 'Quick', overrun: 'skip' })
  await page.goto(inProject('/schedules'))
  const strip = page.getByRole('region', { name: 'Coming seven days' })
  await strip.getByText('1,440 × always').first().waitFor()
  assert.equal(await strip.getByRole('listitem').count(), 7)
  await strip.getByText('06:00').first().waitFor()
  await strip.getByRole('button', { name: 'The week after' }).click()
  await strip.getByText('1,440 × always').first().waitFor()
  assert.equal(await strip.getByText('today').count(), 0)
  await page.goto(inProject(`/templates/${made.template_id}`))
  const section = page.getByRole('region', { name: 'Schedules' })
  await section.getByText('Every day at 06:00').waitFor()
  await section.getByRole('link', { name: 'New schedule' }).click()
  await page.getByRole('dialog').getByText('Quick').first().waitFor()
})

pageTest('hostile names are only text', async (page) => {
  for (const name of ['<img src=x onerror=alert(1)>', '\u202egnorw', 'n'.repeat(255)]) {
    await makeSchedule(name, '0 5 * * *', { template: 'Quick' })
  }
  await page.goto(inProject('/schedules'))
  await page.getByRole('button', { name: '<img src=x onerror=alert(1)>' }).first().waitFor()
  assert.equal(await page.locator('main img').count(), 0)
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)
  assert.equal(wide, false)
})

pageTest('the calendar says that older runs are left out', async (page) => {
  let more = false
  await page.route(/\/schedules\/calendar/, async (route) => {
    const answer = await route.fetch()
    await route.fulfill({ json: { ...(await answer.json()), more_past: more } })
  })
  const said = page.getByText('Older runs of these days are not shown')
  await page.goto(inProject('/schedules'))
  await page.getByRole('list', { name: 'Days, by date' }).waitFor()
  assert.equal(await said.count(), 0)
  more = true
  await page.reload()
  await said.waitFor()
})

for (const look of [{}, { phone: true }]) {
  pageTest(`axe finds nothing in schedules ${JSON.stringify(look)}`, look, async (page) => {
    await page.goto(inProject('/schedules'))
    await page.getByText('early').locator('visible=true').first().waitFor()
    await checkAccess(page)
    const { id } = (await schedules()).find((each) => each.name === 'early')
    await page.goto(inProject(`/schedules?schedule=${id}`))
    await page.getByRole('dialog').getByText('Next five runs').waitFor()
    await checkAccess(page)
  })
}

pageTest('a frequent schedule says the work that it makes', async (page) => {
  await ended(await start('Disk usage'))
  await makeSchedule('polling', '* * * * *', { template: 'Disk usage', active: false })
  await page.goto(inProject('/schedules'))
  const row = page.getByRole('row', { name: /polling/ })
  await row.getByText(/^60 runs an hour, about \d+ (s|min) of work$/).waitFor()
})

pageTest('a switch keeps the focus of the keyboard', async (page) => {
  await makeSchedule('kept', '0 5 * * *', { template: 'Disk usage' })
  await page.goto(inProject('/schedules'))
  const onOff = page.getByRole('switch', { name: 'kept is on' })
  await onOff.focus()
  for (const on of ['false', 'true']) {
    await page.keyboard.press('Space')
    await page.locator(`[role=switch][aria-checked=${on}][aria-label="kept is on"]`).waitFor()
    await until(
      async () => (await schedules()).find((e) => e.name === 'kept').active === (on === 'true'),
    )
    assert.ok(await onOff.evaluate((each) => each === document.activeElement))
  }
})

pageTest('schedules are filtered at phone width', { phone: true }, async (page) => {
  await makeSchedule('findable', '0 5 * * *', { template: 'Disk usage' })
  await page.goto(inProject('/schedules'))
  await page.getByText('polling').locator('visible=true').first().waitFor()
  await page.getByRole('textbox', { name: 'Filter schedules' }).fill('findable')
  const list = page.getByRole('list', { name: 'Schedules' })
  await list.getByText('polling').waitFor({ state: 'detached' })
  await list.getByText('findable').waitFor()
  await checkAccess(page)
})
