import assert from 'node:assert/strict'
import { checkAccess } from '../lib/axe.mjs'
import { inProject, pageTest } from '../lib/page.mjs'
import { api } from '../lib/runs.mjs'

const make = (body) => api('POST', '/environment', { json: '{}', ...body })
const find = async (name) => (await api('GET', '/environment')).find((each) => each.name === name)

pageTest('a group is made of rows, and its secret is never shown', async (page) => {
  await page.goto(inProject('/variables'))
  await page.getByRole('button', { name: 'Add group' }).click()
  const panel = page.getByRole('dialog')
  await panel.getByLabel('Name', { exact: true }).fill('web settings')
  await panel.getByRole('button', { name: 'Add variable' }).first().click()
  await panel.getByLabel('Name 1', { exact: true }).fill('domain')
  await panel.getByLabel('Value 1', { exact: true }).fill('example.org')
  await panel.getByRole('button', { name: 'Add variable' }).first().click()
  await panel.getByLabel('Name 2', { exact: true }).fill('domain')
  await panel.getByText('two variables of this name').first().waitFor()
  const add = panel.getByRole('button', { name: 'Add group' })
  assert.ok(await add.isDisabled())
  await panel.getByLabel('Name 2', { exact: true }).fill('ports')
  await panel.getByLabel('Value 2', { exact: true }).fill('[80, 443]')
  await panel.getByLabel('Kind of value 2').click()
  await page.getByRole('option', { name: 'JSON' }).click()
  await panel.getByRole('button', { name: 'Add secret' }).click()
  await panel.getByLabel('Name of secret 1').fill('token')
  await panel.getByLabel('Value of secret 1').fill('Zx9-marker')
  await add.click()
  await panel.getByRole('heading', { name: 'web settings' }).waitFor()
  await panel.getByText('[80, 443]').waitFor()
  await panel.getByText('token', { exact: true }).waitFor()
  assert.ok(!(await page.content()).includes('Zx9-marker'))
  assert.deepEqual(JSON.parse((await find('web settings')).json), {
    domain: 'example.org',
    ports: [80, 443],
  })
})

pageTest('JSON is edited as it is, and a refusal is beside its part', async (page) => {
  const big = '{"serial": 12345678901234567890}'
  const item = await make({ name: 'raw', json: big })
  await page.goto(inProject(`/variables?group=${item.id}`))
  const panel = page.getByRole('dialog')
  await panel.getByText('12345678901234567890').waitFor()
  await panel.getByRole('button', { name: 'Change' }).click()
  await panel.getByRole('switch', { name: 'Environment as JSON' }).click()
  const text = panel.getByRole('textbox', { name: 'Environment' })
  await text.fill('{"A": ')
  await panel.getByText('not a JSON object').waitFor()
  assert.ok(await panel.getByRole('button', { name: 'Save' }).isDisabled())
  await text.fill('{"not-a-name": "1"}')
  page.expectRefusal(400, '/environment')
  await panel.getByRole('button', { name: 'Save' }).click()
  await panel.getByText('cannot be the name of an environment variable').waitFor()
  await text.fill('{"ANSIBLE_FORKS": "20"}')
  await panel.getByRole('button', { name: 'Save' }).click()
  await panel.getByRole('button', { name: 'Change' }).waitFor()
  await panel.getByText('ANSIBLE_FORKS').waitFor()
  const stored = await find('raw')
  assert.match(stored.json, /12345678901234567890/)
  assert.deepEqual(JSON.parse(stored.env), { ANSIBLE_FORKS: '20' })
})

pageTest('secrets are replaced and deleted, then the group', async (page) => {
  const secret = (name) => ({ name, type: 'var', secret: 'x', operation: 'create' })
  const item = await make({ name: 'secrets', secrets: [secret('first'), secret('second')] })
  await page.goto(inProject(`/variables?group=${item.id}`))
  const panel = page.getByRole('dialog')
  await panel.getByRole('button', { name: 'Change' }).click()
  await panel.getByRole('button', { name: 'Replace' }).first().click()
  await panel.getByLabel('Value of secret 1').fill('new')
  await panel.getByRole('button', { name: 'Remove second' }).click()
  await panel.getByText('is deleted when you save').waitFor()
  await panel.getByRole('button', { name: 'Save' }).click()
  await panel.getByRole('button', { name: 'Change' }).waitFor()
  const stored = await api('GET', `/environment/${item.id}`)
  assert.deepEqual(
    stored.secrets.map((each) => each.name),
    ['first'],
  )
  await panel.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('button', { name: 'Delete the group' }).click()
  await page.getByRole('row', { name: /^secrets/ }).waitFor({ state: 'detached' })
  assert.equal(await find('secrets'), undefined)
})

pageTest('names and values are only text', async (page) => {
  const hostile = '<img src=x onerror=alert(1)>'
  for (const name of [hostile, '\u202egnorw', '🧩'.repeat(60), 'n'.repeat(255)])
    await make({ name, json: JSON.stringify({ key: hostile.repeat(20) }) })
  await page.goto(inProject(`/variables?group=${(await find(hostile)).id}`))
  await page.getByRole('dialog').getByText(hostile).first().waitFor()
  assert.equal(await page.locator('main img, [role=dialog] img').count(), 0)
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)
  assert.equal(wide, false)
})

for (const look of [{}, { phone: true }]) {
  pageTest(`axe finds nothing ${JSON.stringify(look)}`, look, async (page) => {
    await page.goto(inProject(`/variables?group=${(await find('web settings')).id}`))
    const panel = page.getByRole('dialog')
    await panel.getByText('Used by').waitFor()
    await checkAccess(page)
    await panel.getByRole('button', { name: 'Change' }).click()
    await panel.getByRole('switch', { name: 'Environment as JSON' }).click()
    await checkAccess(page)
  })
}
