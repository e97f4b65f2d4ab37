import assert from 'node:assert/strict'
import { checkAccess } from '../lib/axe.mjs'
import { inProject, pageTest } from '../lib/page.mjs'
import { world } from '../lib/world.mjs'
import { api, demoFiles, ended, start } from '../lib/runs.mjs'

const option = (page, name) => page.getByRole('option', { name })

/** Open the palette and type *words*. */
async function search(page, words) {
  await page.locator('[data-state=live]').waitFor()
  await page.keyboard.press('Control+k')
  await page.getByPlaceholder('Search or run…').waitFor()
  await page.keyboard.type(words)
}

pageTest('the palette runs a template and leads to it, by keys only', async (page) => {
  const { id } = await demoFiles()
  const common = { app: 'bash', playbook: 'disk-usage.sh', repository_id: id }
  const made = []
  for (let i = 0; i < 45; i++) {
    made.push(await api('POST', '/templates', { ...common, name: `Bulk ${100 + i} far away` }))
  }
  await page.goto(inProject())
  await search(page, 'away 144')
  const found = option(page, /^Bulk 144 far away/)
  await found.first().waitFor()
  assert.equal(await found.count(), 2) // to run it, and to open it
  await page.keyboard.press('Enter')
  await page.getByRole('dialog', { name: 'Run Bulk 144 far away' }).waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await search(page, 'away 144')
  await found.nth(1).waitFor()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await page.waitForURL(inProject(`/templates/${made.at(-1).id}`))
})

pageTest('the palette leads to every kind of object', async (page) => {
  const { id } = await demoFiles()
  const key = await api('POST', '/keys', { name: 'Zebra key', type: 'none' })
  const hosts = await api('POST', '/inventory', {
    name: 'Zebra hosts',
    type: 'static',
    inventory: 'a\n',
  })
  const group = await api('POST', '/environment', { name: 'Zebra group', json: '{}', env: '{}' })
  const task = await ended(await start('Disk usage'))
  for (const [words, name, address] of [
    ['zebra key', /^Zebra key key/, `/keys?key=${key.id}`],
    ['zebra hosts', /^Zebra hosts inventory/, `/inventory/${hosts.id}`],
    ['zebra group', /^Zebra group variable group/, `/variables?group=${group.id}`],
    ['demo files', /^Demo files repository/, `/repositories?repository=${id}`],
    [`#${task.id}`, `Disk usage #${task.id}`, `/tasks/${task.id}`],
  ]) {
    await page.goto(inProject())
    await search(page, words)
    await option(page, name).waitFor()
    await page.keyboard.press('Enter')
    await page.waitForURL(inProject(address))
  }
  await page.goto(inProject())
  await search(page, 'all tasks')
  await option(page, /All tasks Administration/).waitFor()
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/admin\/tasks$/)
})

pageTest('the palette finds people: members lead to the team, accounts to theirs', async (page) => {
  const [name, username] = ['Zita Ebert', 'zita']
  const user = { name, username, email: 'zita@example.net', password: 'long enough a password' }
  const { id } = await world.api('POST', '/users', user)
  const member = { user_id: id, role: 'guest' }
  await world.api('POST', `/project/${world.project}/users`, member)
  await page.goto(inProject())
  await search(page, 'zita')
  await option(page, 'Zita Ebert (zita) member of the project').click()
  await page.waitForURL(inProject(`/team?member=${id}`))
  await page.locator('.member.on').getByText('Zita Ebert').waitFor()
  await search(page, 'ebert')
  await option(page, 'Zita Ebert (zita) account').click()
  await page.waitForURL(`${world.url}/admin/users?user=${id}`)
})

pageTest('the palette asks once after typing, and says when nothing is found', async (page) => {
  await page.goto(inProject())
  await page.locator('[data-state=live]').waitFor()
  let asked = 0
  page.on('request', (request) => (asked += request.url().includes('search=') ? 1 : 0))
  await search(page, 'nothing is called this')
  await page.getByText('No matching data').waitFor()
  await page.waitForTimeout(500)
  assert.ok(asked <= 20, `${asked} requests`)
})

for (const look of [{}, { phone: true }]) {
  pageTest(`axe finds nothing in the palette ${JSON.stringify(look)}`, look, async (page) => {
    await page.goto(inProject())
    await search(page, 'disk')
    await option(page, /^Disk usage/)
      .first()
      .waitFor()
    await checkAccess(page)
  })
}
