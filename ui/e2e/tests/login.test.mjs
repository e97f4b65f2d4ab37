import assert from 'node:assert/strict'
import { checkAccess } from '../lib/axe.mjs'
import { inProject, pageTest } from '../lib/page.mjs'
import { ADMIN, PASSWORD } from '../lib/server.mjs'
import { world } from '../lib/world.mjs'

async function logIn(page, password = PASSWORD) {
  await page.getByLabel('User or e-mail').fill(ADMIN)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

pageTest('a login leads to the dashboard of the first project', { login: false }, async (page) => {
  await page.goto(world.url)
  await logIn(page)
  await page.waitForURL(inProject())
  await page.getByRole('heading', { name: 'Dashboard' }).waitFor()
  await page.locator('[data-state=live]').waitFor()
})

pageTest(
  'a wrong password is told, and the field has the focus',
  { login: false },
  async (page) => {
    page.expectRefusal(401, '/api/auth/login')
    await page.goto(`${world.url}/login`)
    await logIn(page, 'wrong')
    await page.getByRole('alert').getByText('User or password is wrong.').waitFor()
    const type = await page.evaluate(() => document.activeElement.type)
    assert.equal(type, 'password')
    await checkAccess(page)
  },
)

pageTest('an address is kept over the login, with its query', { login: false }, async (page) => {
  await page.goto(inProject('?from=chat'))
  await page.waitForURL(/\/login\?next=/)
  await logIn(page)
  await page.waitForURL(inProject('?from=chat'))
})

pageTest('no other site follows a login', { login: false }, async (page) => {
  const others = [
    '//evil.example/',
    '/\\evil.example/',
    'https:/evil.example',
    'javascript:alert(1)',
  ]
  page.expectRefusal(401, '/api/')
  for (const next of others) {
    await page.goto(`${world.url}/login?next=${encodeURIComponent(next)}`)
    await logIn(page)
    await page.waitForURL(inProject())
    await page.locator('[data-state=live]').waitFor()
    await page.context().clearCookies()
  }
})

pageTest('a session that ends leads to the login and back', { login: false }, async (page) => {
  await page.goto(world.url)
  await logIn(page)
  await page.waitForURL(inProject())
  await page.locator('[data-state=live]').waitFor()
  page.expectRefusal(401, '/api/')
  await page.context().clearCookies()
  await page.reload() // unless a request has already found it out
  await page.waitForURL(/\/login\?next=/)
  await logIn(page)
  await page.waitForURL(inProject())
})

pageTest(
  'a session that ends while a dialog is open leads back',
  { login: false },
  async (page) => {
    await page.goto(inProject('/templates'))
    await logIn(page)
    await page.waitForURL(inProject('/templates'))
    await page
      .getByRole('row', { name: /Ping localhost/ })
      .getByRole('button', { name: 'Run' })
      .click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('ansible-playbook').waitFor()
    page.expectRefusal(401, '/api/')
    await page.context().clearCookies()
    await dialog.getByRole('button', { name: /^Run/ }).click()
    await page.waitForURL(/\/login\?next=/)
    await logIn(page)
    await page.waitForURL(inProject('/templates'))
  },
)

pageTest(
  'the login is in the language of the browser, and in another one that is chosen',
  { login: false, language: 'fr' },
  async (page) => {
    await page.goto(`${world.url}/login`)
    await page.getByRole('heading', { name: 'Se connecter à Semaphore' }).waitFor()
    await page.getByRole('button', { name: 'Langue: Français' }).click()
    await page.getByRole('menuitemcheckbox', { name: '简体中文' }).click()
    await page.getByRole('heading', { name: '登录 Semaphore' }).waitFor()
    assert.equal(await page.evaluate(() => document.documentElement.lang), 'zh-Hans')
  },
)

pageTest('signing out ends the session', { login: false }, async (page) => {
  await page.goto(world.url)
  await logIn(page)
  await page.getByRole('button', { name: /^Account of/ }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in to Semaphore' }).waitFor()
})

/** Open a form as a user who has just logged in, and enter something. */
async function unsaved(page) {
  await page.goto(inProject('/templates/new'))
  await logIn(page)
  await page.waitForURL(inProject('/templates/new'))
  const field = page.getByLabel('Name', { exact: true })
  await field.fill('Not saved')
  return field
}

pageTest('signing out asks before what was entered is lost', { login: false }, async (page) => {
  const field = await unsaved(page)
  const signOut = async () => {
    await page.getByRole('button', { name: /^Account of/ }).click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
  }
  const question = page.getByRole('dialog', { name: 'Discard what you entered?' })
  await signOut()
  await question.getByRole('button', { name: 'Cancel' }).click()
  await question.waitFor({ state: 'detached' })
  assert.equal(await field.inputValue(), 'Not saved')
  assert.equal((await page.request.get(`${world.url}/api/user`)).status(), 200)
  await signOut()
  await question.getByRole('button', { name: 'Discard' }).click()
  await page.getByRole('heading', { name: 'Sign in to Semaphore' }).waitFor()
  assert.equal(await question.count(), 0)
})

pageTest(
  'a session that ends leads from an unsaved form to the login without a question',
  { login: false },
  async (page) => {
    await unsaved(page)
    await page.locator('[data-state=live]').waitFor()
    page.expectRefusal(401, '/api/')
    await page.request.post(`${world.url}/api/auth/logout`)
    await page.getByRole('heading', { name: 'Sign in to Semaphore' }).waitFor()
    assert.equal(await page.getByRole('dialog').count(), 0)
    await logIn(page)
    await page.waitForURL(inProject('/templates/new'))
  },
)

for (const dark of [false, true]) {
  const name = `axe finds nothing on the login, ${dark ? 'dark' : 'light'}`
  pageTest(name, { login: false, dark }, async (page) => {
    await page.goto(`${world.url}/login`)
    await page.getByLabel('Password').waitFor()
    await checkAccess(page)
  })
}
