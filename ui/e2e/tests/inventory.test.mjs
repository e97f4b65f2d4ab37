import assert from 'node:assert/strict'
import { checkAccess } from '../lib/axe.mjs'
import { gitFolder } from '../lib/gitfolder.mjs'
import { inProject, pageTest } from '../lib/page.mjs'
import { api, ended, start, template } from '../lib/runs.mjs'

const HERE = 'ansible_connection=local ansible_python_interpreter=/usr/bin/python3'
const HOSTS = `[web]\nhere ${HERE}\n[edge]\nclosed ansible_host=127.0.0.1 ansible_port=9\n`
const make = (body) => api('POST', '/inventory', body)
const wait = { timeout: 60_000 }

pageTest('an inventory is added, and each host says whether it answers', async (page) => {
  await page.goto(inProject('/inventory'))
  await page.getByRole('button', { name: 'Add inventory' }).click()
  const panel = page.getByRole('dialog')
  await panel.getByLabel('Name').fill('production')
  await panel.getByLabel('Text', { exact: true }).fill('[web\nhere')
  page.expectRefusal(400, '/inventory')
  await panel.getByRole('button', { name: 'Add inventory' }).click()
  await panel.getByText('line 1: invalid section').waitFor()
  await panel.getByLabel('Text', { exact: true }).fill(HOSTS)
  await panel.getByRole('button', { name: 'Add inventory' }).click()
  await page.getByText('Not checked yet').waitFor()
  assert.match(page.url(), /\/inventory\/\d+$/)
  await page.getByRole('main').getByRole('button', { name: 'Check' }).last().click()
  await page.getByRole('button', { name: 'Stop' }).waitFor()
  await page.getByText('1 of 2 answered').waitFor(wait)
  await page.getByRole('row', { name: /here/ }).getByText('answers').waitFor()
  await page
    .getByRole('row', { name: /closed/ })
    .getByText('Connection refused')
    .waitFor()
  await page.getByRole('button', { name: /^edge/ }).click()
  await page.getByRole('row', { name: /here/ }).waitFor({ state: 'detached' })
  assert.match(page.url(), /group=edge/)
})

pageTest('a host shows the result of the last run, which leads to it', async (page) => {
  const task = await ended(await start('Ping localhost'))
  const { inventory_id } = await template('Ping localhost')
  await page.goto(inProject(`/inventory/${inventory_id}`))
  await page.getByRole('button', { name: 'Check' }).first().click()
  const host = page.getByRole('row', { name: /localhost/ })
  await host.getByText(/^(ok|changed)$/).waitFor(wait)
  await host.getByRole('link', { name: 'Ping localhost' }).click()
  await page.waitForURL(new RegExp(`/tasks/${task.id}$`))
})

pageTest('results are read again after a run with this inventory only', async (page) => {
  const old = await make({ name: 'before', type: 'static', inventory: `before ${HERE}` })
  const now = await make({ name: 'after', type: 'static', inventory: `after ${HERE}` })
  const like = await template('Ping localhost')
  const own = { ...like, id: 0, name: 'Moves', inventory_id: old.id }
  const made = await api('POST', '/templates', own)
  await page.goto(inProject(`/inventory/${old.id}`))
  await page.getByRole('button', { name: 'Check' }).first().click()
  const host = page.getByRole('row', { name: /^before/ })
  await host.getByText('not in the last 100 runs').waitFor(wait)
  const read = []
  page.on('request', (request) => {
    if (/\/results$/.test(request.url())) read.push(request.url())
  })
  const asked = (task) =>
    page.waitForResponse((answer) => answer.url().endsWith(`/tasks/${task.id}/inventory`))
  const first = await start('Moves')
  await Promise.all([asked(first), ended(first)])
  await host.getByRole('link', { name: 'Moves' }).waitFor(wait)
  assert.equal(read.length, 1)
  // the run stays with the inventory that it used
  await api('PUT', `/templates/${made.id}`, { ...own, id: made.id, inventory_id: now.id })
  const second = await start('Moves')
  await Promise.all([asked(second), ended(second)])
  await page.waitForTimeout(500)
  assert.equal(read.length, 1)
  await page.reload()
  await host.getByRole('link', { name: 'Moves' }).waitFor(wait)
  assert.match(
    await host.getByRole('link', { name: 'Moves' }).getAttribute('href'),
    new RegExp(`/${first.id}$`),
  )
  await page.goto(inProject(`/tasks/${first.id}`))
  await page.getByRole('link', { name: 'before' }).waitFor()
  await page.getByRole('button', { name: 'Run again' }).first().click()
  await page.getByText('The run that you repeat used another inventory: before.').waitFor()
})

pageTest('text that Ansible cannot read is shown with its line, and mended', async (page) => {
  const text = 'web:\n  hosts:\n    web1: }\n'
  const item = await make({ name: 'broken', type: 'static-yaml', inventory: text })
  await page.goto(inProject(`/inventory/${item.id}`))
  await page.getByRole('button', { name: 'Check' }).first().click()
  const fault = page.getByRole('alert')
  await fault.getByText('line 3: YAML parsing failed').waitFor(wait)
  await fault.getByText('web1: }').waitFor()
  await page.getByRole('button', { name: 'Edit' }).click()
  const panel = page.getByRole('dialog')
  await panel.getByLabel('Text', { exact: true }).fill('# no hosts\n')
  await panel.getByRole('button', { name: 'Save' }).click()
  await panel.waitFor({ state: 'detached' })
  await page.getByText('Not checked yet').waitFor()
})

pageTest('a file is checked with a repository, and the inventory is deleted', async (page) => {
  const git_url = gitFolder('hosts', { 'hosts/all.ini': `[all]\nhere ${HERE}\n` })
  const ssh_key_id = (await api('GET', '/keys')).find((each) => each.type === 'none').id
  const repository = { name: 'hosts', git_url, git_branch: 'main', ssh_key_id }
  await api('POST', '/repositories', repository)
  const item = await make({ name: 'of a file', type: 'file', inventory: 'hosts/all.ini' })
  await page.goto(inProject(`/inventory/${item.id}`))
  await page.getByRole('combobox', { name: 'Repository for the check' }).click()
  await page.getByRole('option', { name: 'hosts', exact: true }).click()
  await page.getByRole('button', { name: 'Check' }).first().click()
  await page.getByText('1 of 1 answered').waitFor(wait)
  await page.getByRole('tab', { name: 'Used by' }).click()
  await page.getByText('Not used').waitFor()
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('button', { name: 'Delete the inventory' }).click()
  await page.getByRole('button', { name: 'Add inventory' }).waitFor()
  assert.ok(!(await api('GET', '/inventory')).some((each) => each.id === item.id))
})

pageTest('names are only text, and the filter is in the address', async (page) => {
  for (const name of [
    '<img src=x onerror=alert(1)>',
    '\u202egnorw',
    '🖥'.repeat(60),
    'n'.repeat(255),
  ])
    await make({ name, type: 'static', inventory: 'localhost' })
  await page.goto(inProject('/inventory?q=img'))
  await page.getByText('<img src=x onerror=alert(1)>').first().waitFor()
  assert.equal(await page.getByRole('row').count(), 2)
  await page.getByLabel('Filter by name or file').fill('')
  await page.getByText('n'.repeat(255)).first().waitFor()
  assert.equal(await page.locator('main img').count(), 0)
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)
  assert.equal(wide, false)
})

for (const look of [{}, { phone: true }]) {
  pageTest(`axe finds nothing ${JSON.stringify(look)}`, look, async (page) => {
    const item = (await api('GET', '/inventory')).find((each) => each.name === 'production')
    await page.goto(inProject(`/inventory/${item.id}`))
    await page.getByText('Connection refused').locator('visible=true').first().waitFor()
    await checkAccess(page)
    await page.goto(inProject('/inventory?add=1'))
    await page.getByRole('dialog').getByLabel('Text', { exact: true }).waitFor()
    await checkAccess(page)
  })
}
