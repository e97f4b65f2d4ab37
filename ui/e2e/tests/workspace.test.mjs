import assert from 'node:assert/strict'
import { checkAccess } from '../lib/axe.mjs'
import { inProject, pageTest } from '../lib/page.mjs'
import { addTemplate, api, demoFiles } from '../lib/runs.mjs'
import { workspace } from '../lib/states.mjs'

pageTest('the state of a workspace is rolled back, unlocked and deleted', async (page) => {
  const { inventory, send, store } = await workspace(page, 'production net')
  await page.goto(inProject(`/inventory/${inventory}`))
  await page.getByText('No state yet').waitFor()
  for (const serial of [1, 2]) await store(serial)
  await page.reload()
  const first = page.getByRole('row').filter({ hasText: 'first, serial_1' })
  await first.waitFor()
  await checkAccess(page)
  assert.ok(
    !(await page.locator('body').innerText()).includes('quiet words'),
    'the page shows no value of a state',
  )
  await first.getByRole('button', { name: 'Roll back' }).click()
  const question = page.getByRole('dialog')
  await question.getByText('as serial 3').waitFor()
  await question.getByRole('button', { name: 'Roll back to serial 1' }).click()
  await page.getByText('The state was rolled back, as serial 3').first().waitFor()
  const newest = page.getByRole('row').filter({ has: page.getByText('3', { exact: true }) })
  await newest.waitFor()
  assert.equal(await newest.getByRole('button', { name: 'Roll back' }).count(), 0)

  const waiting = page.waitForEvent('download')
  await newest.getByRole('button', { name: 'Download serial 3' }).click()
  assert.equal((await waiting).suggestedFilename(), 'production-net-3.tfstate')

  await send('LOCK', { ID: 'one', Who: 'eve@laptop', Operation: 'OperationTypeApply' })
  await page.reload()
  await page.getByText('eve@laptop').waitFor()
  assert.ok(await first.getByRole('button', { name: 'Roll back' }).isDisabled())
  await checkAccess(page)
  await page.getByRole('button', { name: 'Remove the lock' }).click()
  const sure = page.getByRole('dialog')
  await sure.getByText('eve@laptop').waitFor()
  await sure.getByRole('button', { name: 'Remove the lock' }).click()
  await page.getByText('The lock was removed').first().waitFor()
  await first.getByRole('button', { name: 'Roll back', disabled: false }).waitFor()

  await first.getByRole('button', { name: 'Delete serial 1' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete the version' }).click()
  await page.getByText('Serial 1 deleted').first().waitFor()
  const left = await api('GET', `/inventory/${inventory}/terraform/states`)
  assert.deepEqual(
    left.map((each) => each.serial),
    [3, 2],
  )
})

pageTest('an address is added with its block, and deleted', async (page) => {
  const { inventory } = await workspace(page, 'addresses')
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.goto(inProject(`/inventory/${inventory}`))
  const part = page.getByRole('region', { name: 'Addresses' })
  await part.getByRole('button', { name: 'Add address' }).click()
  await part.getByLabel('Key with login and password').click()
  await page.getByRole('option', { name: 'state login' }).click()
  await part.getByRole('button', { name: 'Add address' }).click()
  await part.getByText('/api/terraform/').nth(2).waitFor()
  await part.getByRole('button', { name: 'Copy block' }).last().click()
  const copied = await page.evaluate(() => navigator.clipboard.readText())
  assert.match(copied, /backend "http" \{\n {4}address +\= "https?:/)
  await part.getByRole('button', { name: 'Delete the address' }).last().click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete the address' }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
})

pageTest('a workspace is made', async (page) => {
  await page.goto(inProject('/inventory?add=1'))
  await page.getByLabel('Name', { exact: true }).fill('made here')
  await page.getByRole('group').getByText('Terraform workspace', { exact: true }).click()
  await page.getByLabel('Workspace', { exact: true }).fill('a b')
  page.expectRefusal(400, '/inventory')
  await page.getByRole('button', { name: 'Add inventory' }).last().click()
  await page.getByText('up to 90 letters').waitFor()
  await page.getByLabel('Workspace', { exact: true }).fill('staging')
  await page.getByRole('button', { name: 'Add inventory' }).last().click()
  await page.getByText('No state yet').waitFor()
  await page.getByText('staging', { exact: true }).waitFor()
})

pageTest(
  'versions and locks from elsewhere appear, and no row moves below the pointer',
  async (page) => {
    const { inventory, send, store } = await workspace(page, 'live net')
    await store(1)
    await page.goto(inProject(`/inventory/${inventory}`))
    const row = (serial) => page.getByRole('row').filter({ hasText: `serial_${serial}` })
    await row(1).waitFor()
    await store(2)
    await row(2).waitFor()
    await row(2).hover()
    const before = await row(2).boundingBox()
    await store(3)
    await page.getByText('1 new, shown when the pointer leaves').waitFor()
    assert.deepEqual(await row(2).boundingBox(), before)
    assert.equal(await row(3).count(), 0)
    await page.mouse.move(0, 0)
    await row(3).waitFor()
    await send('LOCK', { ID: 'one', Who: 'eve@laptop', Operation: 'OperationTypeApply' })
    await page.getByText('eve@laptop').waitFor()
    await send('UNLOCK', { ID: 'one' })
    await page.getByText('eve@laptop').waitFor({ state: 'detached' })
  },
)

pageTest('a template leads to its workspace, repository and variable group', async (page) => {
  const { inventory } = await workspace(page, 'linked net')
  const group = await api('POST', '/environment', { name: 'linked group', json: '{}', env: '{}' })
  const repository = await demoFiles()
  const { id } = await api('POST', '/templates', {
    name: 'Linked network',
    app: 'terraform',
    playbook: '',
    repository_id: repository.id,
    inventory_id: inventory,
    environment_ids: [group.id],
  })
  const places = [
    ['linked net', `/inventory/${inventory}`],
    [repository.name, `/repositories?repository=${repository.id}`],
    ['linked group', `/variables?group=${group.id}`],
  ]
  for (const [name, path] of places) {
    await page.goto(inProject(`/templates/${id}`))
    await page.getByRole('link', { name, exact: true }).click()
    await page.waitForURL(inProject(path))
  }
})

pageTest('a run and a schedule offer only inventories that the server accepts', async (page) => {
  const task_params = { allow_override_inventory: true }
  await workspace(page, 'of nobody')
  const plan = await addTemplate('Net', '', {
    ...{ app: 'terraform', playbook: '', inventory_id: null, environment_id: null },
    task_params,
  })
  const { id: hosts } = await api('POST', '/inventory', {
    ...{ name: 'some hosts', type: 'static', inventory: 'localhost' },
  })
  const play = await addTemplate('Any hosts', '- hosts: all\n', {
    ...{ app: 'ansible', inventory_id: hosts, task_params },
  })
  const offered = async () => {
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: /^Options/ }).click()
    await dialog.getByLabel('Inventory', { exact: true }).click()
    await page.getByRole('option').first().waitFor()
    return page.getByRole('option').allInnerTexts()
  }

  await page.goto(inProject(`/templates/${plan.id}`))
  await page.getByRole('button', { name: 'Run', exact: true }).first().click()
  assert.deepEqual(await offered(), ['Net - default'])

  for (const [{ name }, yes, no] of [
    [plan, 'Net - default', 'some hosts'],
    [play, 'some hosts', 'of nobody'],
  ]) {
    await page.goto(inProject('/schedules'))
    await page.getByRole('button', { name: 'New schedule' }).first().click()
    await page.getByRole('dialog').getByLabel('Template').click()
    await page.getByRole('option', { name, exact: true }).click()
    const names = await offered()
    assert.ok(names.includes(yes), `${name}: ${names}`)
    assert.ok(!names.includes(no), `${name}: ${names}`)
  }
  for (const { id } of [plan, play]) await api('DELETE', `/templates/${id}`)
})
