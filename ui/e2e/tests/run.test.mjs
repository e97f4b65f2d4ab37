// The run dialog: on which hosts a template runs.
import assert from 'node:assert/strict'
import { checkAccess } from '../lib/axe.mjs'
import { inventory as hosts, PLAYBOOK } from '../lib/logs.mjs'
import { inProject, pageTest } from '../lib/page.mjs'
import { become } from '../lib/people.mjs'
import { addTemplate, api, ended, start, template, until } from '../lib/runs.mjs'

const MAY_LIMIT = { allow_override_limit: true }

/** Make a template on an inventory of its own; *lines* are its hosts. */
async function onHosts(name, lines, task_params = MAY_LIMIT) {
  const all = await api('GET', '/inventory')
  const own = all.find((each) => each.name === 'This machine')
  const python = /ansible_python_interpreter=(\S+)/.exec(own.inventory)[1]
  const text = lines?.(python) ?? hosts(python)
  const made = await api('POST', '/inventory', { ...own, id: 0, name, inventory: text })
  await addTemplate(name, PLAYBOOK, { app: 'ansible', inventory_id: made.id, task_params })
  return made.id
}

/** Check an inventory, and wait for the end of the check. */
async function checked(id) {
  await api('POST', `/inventory/${id}/check`, { repository_id: null })
  const status = async () => (await api('GET', `/inventory/${id}/check`)).status
  await until(async () => (await status()) === 'success', 'the inventory is checked')
}

/** Open the run dialog of a template. */
async function open(page, name) {
  await page.goto(inProject(`/templates/${(await template(name)).id}`))
  const run = page.getByRole('button', { name: 'Run', exact: true })
  await run.locator('visible=true').first().click()
  const dialog = page.getByRole('dialog', { name: `Run ${name}` })
  await dialog.waitFor()
  await page.waitForFunction(() => document.activeElement?.closest('[role=dialog]'))
  return {
    dialog,
    verb: (label) => dialog.getByRole('button', { name: label, exact: true }),
    all: dialog.getByRole('radio', { name: /^All/ }),
    some: dialog.getByRole('radio', { name: 'Choose hosts' }),
    tick: (label) => dialog.getByRole('checkbox', { name: label }),
    limit: dialog.getByRole('combobox', { name: 'Limit' }),
    command: dialog.getByRole('group', { name: 'Command' }),
  }
}

/** Choose a radio button, whose mark is not drawn. */
const choose = (radio) => radio.locator('xpath=..').click()

const ticks = (dialog) =>
  dialog
    .getByRole('checkbox')
    .evaluateAll((all) =>
      all.map((each) => `${each.textContent.trim()} ${each.getAttribute('aria-checked')}`),
    )

const grouped = (python) =>
  `${hosts(python)}[web]\nweb1.fra1\nweb2.fra1\nweb3.fra1\n[mail]\nmail2.fra1\n`

pageTest('the run dialog tells which hosts a run may reach', async (page) => {
  await onHosts('Reach')
  const { dialog, verb, some, limit, command } = await open(page, 'Reach')
  await dialog.getByText('not checked yet').first().waitFor()
  await verb('Run').waitFor()
  await verb('Check now').click()
  await verb('Run on 4 hosts').waitFor({ timeout: 60_000 })
  await dialog.getByText('of inventory Reach, checked').waitFor()
  await dialog.getByText('web3.fra1 did not answer the check.').waitFor()
  await verb('Leave it out').click()
  await verb('Run on 3 hosts').waitFor()
  assert.ok(await some.isChecked())
  assert.equal(await limit.inputValue(), 'all,!web3.fra1')
  await command.getByText('all,!web3.fra1').waitFor()
  await checkAccess(page)
  await limit.fill('~web.')
  await dialog.getByText('only Ansible can read this limit', { exact: true }).waitFor()
  await dialog.getByRole('button', { name: 'Choose from the list instead' }).click()
  await limit.fill('web?.fra1,!web3.fra1')
  await verb('Run on 2 hosts').click()
  await page.waitForURL(/\/tasks\/\d+$/)
  const task = { id: Number(/tasks\/(\d+)/.exec(page.url())[1]) }
  await ended(task)
  const reached = await api('GET', `/tasks/${task.id}/ansible/hosts`)
  assert.deepEqual(reached.map((each) => each.host).sort(), ['web1.fra1', 'web2.fra1'])
})

pageTest('hosts are ticked, and the written limit says the same', async (page) => {
  await checked(await onHosts('Ticks', grouped))
  const { dialog, verb, all, some, tick, limit, command } = await open(page, 'Ticks')
  await verb('Run on 4 hosts').waitFor()
  assert.ok(await all.isChecked())
  await choose(some)
  await dialog.getByText('No host chosen').waitFor()
  await dialog.getByText('Fill in the required fields to see the command.').waitFor()
  await verb('Run').click()
  await dialog.getByText('Choose at least one host or group.').waitFor()
  await tick(/^web1/).click()
  assert.equal(await limit.inputValue(), 'web1.fra1')
  await verb('Run on 1 host').waitFor()
  await tick(/^web ?group/).click()
  assert.equal(await limit.inputValue(), 'web')
  await tick(/^web3/).click()
  assert.equal(await limit.inputValue(), 'web,!web3.fra1')
  await command.getByText('web,!web3.fra1').waitFor()
  assert.deepEqual(
    (await ticks(dialog)).map((each) => each.replace(/^([\w.]+?)(group|mail|web|did).* /, '$1 ')),
    [
      'mail false',
      'web mixed',
      'mail2.fra1 false',
      'web1.fra1 true',
      'web2.fra1 true',
      'web3.fra1 false',
    ],
  )
  await limit.fill('mail2*')
  await dialog.getByText('1 of 4 hosts chosen').waitFor()
  await verb('Run on 1 host').waitFor()
  await checkAccess(page)
  await choose(all)
  await verb('Run on 4 hosts').waitFor()
  await choose(some)
  assert.equal(await limit.inputValue(), 'mail2*')
})

pageTest('2,000 hosts are searched and ticked with the keyboard', async (page) => {
  await onHosts('Many')
  const many = Array.from({ length: 2_000 }, (_, i) => ({
    name: `node${String(i).padStart(4, '0')}.example.net`,
    groups: [`rack${String(i % 50).padStart(2, '0')}`],
    state: 'ok',
    reason: '',
    seconds: null,
  }))
  const ended = new Date().toISOString()
  const check = { status: 'success', hosts: many, groups: [], reason: '', ended, truncated: false }
  await page.route(/\/inventory\/\d+\/check$/, (route) => route.fulfill({ json: check }))
  const { dialog, verb, some, limit } = await open(page, 'Many')
  await verb('Run on 2,000 hosts').waitFor()
  await some.focus()
  await page.keyboard.press('Space')
  await dialog.getByText('0 of 2,000 hosts chosen').waitFor()
  assert.ok((await dialog.getByRole('checkbox').count()) < 40)
  await page.keyboard.press('Tab')
  await page.keyboard.type('node19')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Space')
  await page.keyboard.press('End')
  await page.keyboard.press('Space')
  assert.equal(await limit.inputValue(), 'node1900.example.net,node1999.example.net')
  await verb('Run on 2 hosts').waitFor()
  await page.keyboard.press('Home')
  assert.match(await page.evaluate(() => document.activeElement.textContent), /^node1900/)
  await page.keyboard.press('Shift+Tab')
  await page.keyboard.press('Control+a')
  await page.keyboard.type('rack07')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Space')
  await verb('Run on 42 hosts').waitFor()
  await page.keyboard.press('Tab')
  await page.keyboard.press('End') // the field is marked as a whole
  await page.keyboard.type(',rack1')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  assert.match(await limit.inputValue(), /,rack07,rack10$/)
  await verb('Run on 82 hosts').waitFor()
  await checkAccess(page)
})

pageTest(
  'names are offered while a limit is typed, and nothing half written is judged',
  async (page) => {
    await checked(await onHosts('Offers', grouped))
    const { dialog, verb, some, limit } = await open(page, 'Offers')
    await choose(some)
    const warning = dialog.getByText('The inventory has no host or group')
    await limit.pressSequentially('ma', { delay: 20 })
    assert.equal(await warning.count(), 0)
    const offered = dialog.getByRole('option')
    assert.deepEqual(await offered.allTextContents(), ['mailgroup, 1 host', 'mail2.fra1'])
    await page.keyboard.press('Escape')
    await offered.first().waitFor({ state: 'detached' })
    assert.ok(await dialog.isVisible())
    await limit.pressSequentially('i')
    await offered.last().click()
    assert.equal(await limit.inputValue(), 'mail2.fra1')
    await limit.fill('nowhere')
    await warning.waitFor()
    await verb('Run on 0 hosts').click()
    const question = page.getByRole('dialog', { name: 'Run on no host' })
    await question.getByText(/no host matches the limit/).waitFor()
    await checkAccess(page)
    await question.getByRole('button', { name: 'Cancel' }).click()
    assert.match(page.url(), /\/templates\/\d+$/)
    await verb('Run on 0 hosts').click()
    await question.getByRole('button', { name: 'Run on 0 hosts' }).click()
    await page.waitForURL(/\/tasks\/\d+$/)
  },
)

pageTest('a choice of hosts is allowed in the dialog, and what is entered stays', async (page) => {
  await checked(await onHosts('Allow', grouped, {}))
  const { dialog, verb, some, tick, limit } = await open(page, 'Allow')
  await dialog.getByText('All hosts of the inventory. The template allows no choice.').waitFor()
  await dialog.getByLabel('Message').fill('only the mail server')
  const before = await template('Allow')
  await verb('Allow choosing hosts').click()
  const question = page.getByRole('dialog', { name: 'Allow choosing hosts' })
  await question.getByText(/This changes the template Allow/).waitFor()
  await question.getByRole('button', { name: 'Change the template' }).click()
  await some.waitFor()
  await page.waitForFunction(() => document.activeElement?.type === 'radio')
  assert.ok(await some.isChecked())
  assert.equal(await dialog.getByLabel('Message').inputValue(), 'only the mail server')
  const after = await template('Allow')
  assert.deepEqual(after.task_params, { ...before.task_params, allow_override_limit: true })
  assert.deepEqual({ ...after, task_params: 0 }, { ...before, task_params: 0 })
  await tick(/^mail2/).click()
  assert.equal(await limit.inputValue(), 'mail2.fra1')
  await verb('Run on 1 host').click()
  await page.waitForURL(/\/tasks\/\d+$/)
})

pageTest('others read who can allow a choice of hosts', { login: false }, async (page) => {
  await onHosts('Not mine', undefined, { limit: ['web1.fra1'] })
  await become(page, 'task_runner')
  const { dialog, verb } = await open(page, 'Not mine')
  await dialog.getByText('An owner or manager of the project can allow a choice').waitFor()
  await dialog.getByText('Limited to web1.fra1 by the template').waitFor()
  assert.equal(await verb('Allow choosing hosts').count(), 0)
})

pageTest('hosts are ticked on a phone', { phone: true }, async (page) => {
  await checked(await onHosts('Phone', grouped))
  const { dialog, verb, some, tick } = await open(page, 'Phone')
  await choose(some)
  await tick(/^web2/).tap()
  await verb('Run on 1 host').waitFor()
  const { height } = await tick(/^web2/).boundingBox()
  assert.ok(height >= 40)
  const wide = await dialog.evaluate((each) => each.scrollWidth > each.clientWidth)
  assert.ok(!wide)
  await checkAccess(page)
})

const DEPLOY = 'echo "brings <$SEMAPHORE_TASK_INCOMING_VERSION>"\n'

pageTest('a deployment is of a build that succeeded, and again of the same', async (page) => {
  const image = await addTemplate('Image', 'exit ${1:-0}\n', {
    type: 'build',
    start_version: '2.0.7',
    allow_override_args_in_task: true,
  })
  const deploys = { type: 'deploy', build_template_id: image.id }
  await addTemplate('Roll out', DEPLOY, deploys)
  const empty = await open(page, 'Roll out')
  await empty.dialog.getByText('No build has succeeded yet').waitFor()
  for (const args of [[], [], ['1']])
    await ended(await start('Image', { arguments: JSON.stringify(args) }))
  const { dialog, verb } = await open(page, 'Roll out')
  const build = dialog.getByRole('combobox', { name: 'Build' })
  await build.getByText(/^2\.0\.8 \(#\d+\)$/).waitFor()
  await checkAccess(page)
  await build.click()
  assert.equal(await page.getByRole('option').count(), 2)
  await page.getByRole('option', { name: /^2\.0\.7 / }).click()
  await verb('Run').click()
  await page.waitForURL(/\/tasks\/\d+$/)
  await page.getByText('brings <2.0.7>').first().waitFor({ timeout: 60_000 })
  await page.getByRole('button', { name: 'Run again' }).first().click()
  const again = page.getByRole('dialog', { name: 'Run Roll out' })
  await again
    .getByRole('combobox', { name: 'Build' })
    .getByText(/^2\.0\.7 /)
    .waitFor()
})
