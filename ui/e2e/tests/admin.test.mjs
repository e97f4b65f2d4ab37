import assert from 'node:assert/strict'
import { checkAccess } from '../lib/axe.mjs'
import { pageTest } from '../lib/page.mjs'
import { addTemplate, reaches, slow, start } from '../lib/runs.mjs'
import { send } from '../lib/server.mjs'
import { world } from '../lib/world.mjs'

const SECRET = 'a long enough password'
const at = (path) => `${world.url}/admin${path}`
const logIn = (auth, password) =>
  send(`${world.url}/api/auth/login`, { method: 'POST', body: { auth, password } })
const users = () => world.api('GET', '/users')
const addUser = (username, more = {}) =>
  world.api('POST', '/users', {
    name: `Person ${username}`,
    username,
    email: `${username}@example.net`,
    password: SECRET,
    ...more,
  })

pageTest('an address that is not the one of web_host is told, and harms nothing', async (page) => {
  const note = page.getByText('but web_host is https://dead.example.org')
  await page.goto(`${world.url}/admin`)
  await page.getByRole('heading', { name: 'Users' }).waitFor()
  assert.equal(await note.count(), 0)
  await page.route('**/api/info', async (route) => {
    const answer = await route.fetch()
    await route.fulfill({
      json: { ...(await answer.json()), web_host: 'https://dead.example.org' },
    })
  })
  await page.reload()
  await note.waitFor()
  await page.getByRole('heading', { name: 'Users' }).waitFor()
})

pageTest('the health is shown as rows, and read again', async (page) => {
  const { findings } = await world.api('GET', '/admin/health')
  await page.goto(at(''))
  const rows = page.getByRole('list', { name: 'Health' }).getByRole('listitem')
  await rows.first().waitFor()
  assert.equal(await rows.count(), findings.length)
  await rows.filter({ hasText: 'Database' }).getByText('SQLite').waitFor()
  const again = page.waitForResponse(/\/admin\/health$/)
  await page.getByRole('button', { name: 'Check now' }).click()
  assert.equal((await again).status(), 200)
})

pageTest('a user is added, changed, given a password, disabled and deleted', async (page) => {
  await addUser('occupied')
  page.expectRefusal(400, '/api/users')
  await page.goto(at('/users'))
  await page.getByRole('button', { name: 'Add user' }).click()
  const panel = page.getByRole('dialog')
  const add = panel.getByRole('button', { name: 'Add user' })
  assert.ok(await add.isDisabled())
  await panel.getByLabel('Name').fill('Lena Fischer')
  await panel.getByLabel('Login').fill('occupied')
  await panel.getByLabel('E-mail address').fill('lena@example.net')
  await panel.getByLabel('Password').fill(SECRET)
  await add.click()
  await panel.getByText('belongs to another user').waitFor()
  await panel.getByLabel('Login').fill('lena')
  await add.click()
  const row = page.getByRole('row', { name: /Lena Fischer/ })
  await row.getByText('lena@example.net').waitFor()
  assert.equal((await logIn('lena', SECRET)).status, 204)

  await row.getByText('lena@example.net').click()
  await panel.getByLabel('Name').fill('Lena Fischer-Roth')
  await panel.getByLabel('New password').fill(`${SECRET} 2`)
  await panel.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('row', { name: /Fischer-Roth/ }).waitFor()
  assert.equal((await logIn('lena', `${SECRET} 2`)).status, 204)
  assert.equal((await logIn('lena', SECRET)).status, 401)

  const open = () => page.getByRole('link', { name: 'Lena Fischer-Roth', exact: true }).click()
  await open()
  await panel.getByRole('button', { name: 'Disable' }).click()
  await page.getByText(/Ends at once: \d+ sessions?\. Nobody can log in/).waitFor()
  await page.getByRole('button', { name: 'Disable the account' }).click()
  await page
    .getByText(/disabled; ended: \d+ session/)
    .first()
    .waitFor()
  await page.getByRole('row', { name: /Fischer-Roth.*disabled/ }).waitFor()
  assert.equal((await logIn('lena', `${SECRET} 2`)).status, 401)
  await open()
  await panel.getByRole('button', { name: 'Enable' }).click()
  await page.getByRole('row', { name: /Fischer-Roth.*disabled/ }).waitFor({ state: 'detached' })
  assert.equal((await logIn('lena', `${SECRET} 2`)).status, 204)

  await open()
  await panel.getByRole('button', { name: 'Delete' }).click()
  await page.getByText('Sessions and tokens end at once').waitFor()
  await page.getByRole('button', { name: 'Delete the account' }).click()
  await page.getByRole('row', { name: /Fischer-Roth/ }).waitFor({ state: 'detached' })
  assert.ok(!(await users()).some((each) => each.username === 'lena'))
})

pageTest('accounts are filtered at phone width', { phone: true }, async (page) => {
  await addUser('wanted', { name: 'Wanted Person' })
  await page.goto(at('/users'))
  await page.getByRole('link', { name: 'Administrator' }).first().waitFor()
  await page.getByLabel('Filter users').fill('wanted person')
  await page.getByRole('link', { name: 'Wanted Person' }).waitFor()
  assert.equal(await page.getByRole('list', { name: 'Users' }).getByRole('listitem').count(), 1)
})

pageTest('what was entered is guarded, and Escape gives the focus back', async (page) => {
  await page.goto(at('/users'))
  const open = page.getByRole('button', { name: 'Add user' })
  await open.click()
  const panel = page.getByRole('dialog', { name: 'Add user' })
  await panel.getByLabel('Name').fill('half done')
  await page.keyboard.press('Escape')
  await page.getByText('Discard what you entered?').waitFor()
  await page.getByRole('button', { name: 'Discard' }).click()
  await panel.waitFor({ state: 'detached' })
})

pageTest('all tasks: a running one of any project is stopped', async (page) => {
  await addTemplate('Slow for administrators', slow(60))
  await page.goto(at('/tasks'))
  await page.getByText('Nothing is running').waitFor()
  const task = await start('Slow for administrators')
  const row = page.getByRole('listitem').filter({ hasText: `#${task.id}` })
  await row.getByText('Demo').waitFor()
  await reaches(task, 'running')
  await row.getByRole('button', { name: 'Stop' }).click()
  await page.getByRole('button', { name: 'Stop the run' }).click()
  await reaches(task, 'stopped')
  await page.getByText('Nothing is running').waitFor()
})

pageTest('hostile names are only text', async (page) => {
  const name = `<img src=x onerror=alert(1)> 🔑${'n'.repeat(200)}`
  await addUser('hostile', { name })
  await page.goto(at('/users?q=onerror'))
  await page.getByRole('row', { name: /<img src=x/ }).waitFor()
  assert.equal(await page.locator('main img').count(), 0)
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)
  assert.equal(wide, false)
})

for (const look of [{}, { phone: true }]) {
  pageTest(
    `axe finds nothing in the administration ${JSON.stringify(look)}`,
    look,
    async (page) => {
      await page.goto(at(''))
      await page.getByText('Key store').waitFor()
      await page.getByText('Administrator').locator('visible=true').first().waitFor()
      await checkAccess(page)
      await page.goto(at('/users?add=user'))
      await page.getByRole('dialog').getByLabel('Login').waitFor()
      await checkAccess(page)
    },
  )
}

pageTest('the health is told in the language of the reader', { language: 'de' }, async (page) => {
  await page.goto(at(''))
  const rows = page.getByRole('list', { name: 'Zustand' }).getByRole('listitem')
  await rows.filter({ hasText: 'Datenbank' }).getByText('Die Datenbank (SQLite').waitFor()
  await rows.getByText(/^Das Zertifikat der lokalen CA gilt bis/).waitFor()
  await rows.getByText(/sind auf der Platte von .* frei$/).waitFor()
  await rows.getByText(/^Aufgaben: \d+ laufen, \d+ warten/).waitFor()
  const { findings } = await world.api('GET', '/admin/health')
  const shown = (await rows.allInnerTexts()).join('\n')
  for (const { sentence } of findings.filter((each) => each.code !== '')) {
    assert.ok(!shown.includes(sentence), sentence)
  }
})
