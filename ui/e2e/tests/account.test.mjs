import assert from 'node:assert/strict'
import { checkAccess } from '../lib/axe.mjs'
import { inProject, pageTest } from '../lib/page.mjs'
import { addTemplate, ended, reaches, slow, start, until } from '../lib/runs.mjs'
import { ADMIN, PASSWORD, send } from '../lib/server.mjs'
import { world } from '../lib/world.mjs'

const SECRET = 'a long enough password'
const account = () => `${world.url}/account`

async function addUser(username) {
  return world.api('POST', '/users', {
    name: `Test of ${username}`,
    username,
    email: `${username}@example.net`,
    password: SECRET,
  })
}

/** Log in past the browser; returns the cookie. */
async function session(auth, password, agent) {
  const answer = await send(`${world.url}/api/auth/login`, {
    method: 'POST',
    body: { auth, password },
    headers: { 'user-agent': agent },
  })
  assert.equal(answer.status, 204)
  return answer.headers['set-cookie'][0].split(';')[0]
}

async function logIn(page, name) {
  await page.goto(`${world.url}/login?next=/account`)
  await page.getByLabel('User or e-mail').fill(name)
  await page.getByLabel('Password', { exact: true }).fill(SECRET)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('region', { name: 'Profile' }).waitFor()
}

pageTest('a token is shown once, works, and is revoked', async (page) => {
  await page.goto(account())
  await page.getByLabel('Name of the token').fill('Deploy <b>')
  await page.getByLabel('End of the token').click()
  await page.getByRole('option', { name: 'ends in 30 days' }).click()
  await page.getByRole('button', { name: 'Create token' }).click()
  const token = await page.locator('.note code').textContent()
  const asked = () =>
    send(`${world.url}/api/user`, { headers: { authorization: `Bearer ${token}` } })
  assert.equal((await asked()).status, 200)
  await page.reload()
  const shown = page.getByRole('list', { name: 'Tokens for programs' })
  await shown.waitFor()
  assert.ok(!(await page.content()).includes(token))
  await shown.getByText('Deploy <b>').waitFor()
  await shown.getByText(/· ends/).waitFor()
  await shown.getByRole('button', { name: `Revoke token ${token.slice(0, 8)}` }).click()
  await page.getByRole('button', { name: 'Revoke the token' }).click()
  await page.getByText('Token revoked').first().waitFor()
  assert.equal((await asked()).status, 401)
})

pageTest('a token may read one project only', async (page) => {
  await page.goto(account())
  await page.getByLabel('Name of the token').fill('Dashboard')
  await page.getByLabel('What the token may do').click()
  await page.getByRole('option', { name: 'reads only' }).click()
  await page.getByLabel('Where the token is accepted').click()
  await page.getByRole('option', { name: 'only project Demo' }).click()
  await page.getByRole('button', { name: 'Create token' }).click()
  const token = await page.locator('.note code').textContent()
  const asked = (path, more) =>
    send(`${world.url}/api${path}`, { headers: { authorization: `Bearer ${token}` }, ...more })
  const projects = JSON.parse((await asked('/projects')).body)
  assert.deepEqual(
    projects.map((each) => each.name),
    ['Demo'],
  )
  assert.equal((await asked(`/project/${projects[0].id}/templates`)).status, 200)
  const refused = await asked(`/project/${projects[0].id}/views`, { method: 'POST', body: {} })
  assert.equal(refused.status, 403)
  assert.match(refused.body.toString(), /read-only/)
  assert.equal((await asked('/user')).status, 403)
  const shown = page.getByRole('list', { name: 'Tokens for programs' })
  const row = shown.getByRole('listitem').filter({ hasText: 'Dashboard' })
  await row.getByText('reads only · only project Demo').waitFor()
  await checkAccess(page)
  await row.getByRole('button').click()
  await page.getByRole('button', { name: 'Revoke the token' }).click()
  await row.waitFor({ state: 'detached' })
})

pageTest('another session is ended, this one stays', async (page) => {
  const cookie = await session(ADMIN, PASSWORD, 'curl/8.14.1')
  await page.goto(account())
  const other = page.getByRole('listitem').filter({ hasText: 'curl' })
  await page.getByText('this session').waitFor()
  await other.getByRole('button', { name: 'End the session of curl' }).click()
  await other.waitFor({ state: 'detached' })
  const answer = await send(`${world.url}/api/user`, { headers: { cookie } })
  assert.equal(answer.status, 401)
  await page.reload()
  await page.getByText('this session').waitFor()
})

pageTest('the password is changed, and other sessions end', { login: false }, async (page) => {
  await addUser('changes-password')
  const cookie = await session('changes-password', SECRET, 'curl/8.14.1')
  await logIn(page, 'changes-password')
  const part = page.getByRole('region', { name: 'Password' })
  page.expectRefusal(400, '/password')
  await part.getByLabel('Current password').fill('wrong')
  await part.getByLabel('New password').fill(`${SECRET} 2`)
  await part.getByRole('button', { name: 'Change the password' }).click()
  await part.getByText('Current password is incorrect').waitFor()
  await part.getByLabel('Current password').fill(SECRET)
  await part.getByRole('button', { name: 'Change the password' }).click()
  await page.getByText('Password changed').first().waitFor()
  assert.equal((await send(`${world.url}/api/user`, { headers: { cookie } })).status, 401)
  await session('changes-password', `${SECRET} 2`, 'curl/8.14.1')
})

pageTest('a refused name stands at its field; what is not saved is guarded', async (page) => {
  await addUser('taken')
  page.expectRefusal(400, '/api/users/')
  await page.goto(account())
  const part = page.getByRole('region', { name: 'Profile' })
  await part.getByLabel('Login').fill('taken')
  await part.getByRole('button', { name: 'Save' }).click()
  await part.getByText('belongs to another user').waitFor()
  await page.getByRole('button', { name: /choose another one/ }).click()
  await page.getByRole('menuitemcheckbox', { name: 'Demo' }).click()
  await page.getByText('Discard what you entered?').waitFor()
  await page.getByRole('button', { name: 'Cancel' }).click()
  assert.match(page.url(), /\/account$/)
  await part.getByLabel('Login').fill(ADMIN)
})

pageTest('the account keeps the pages of the project at hand', { phone: true }, async (page) => {
  await page.goto(inProject())
  await page.getByRole('button', { name: /^Account of/ }).click()
  await page.getByRole('menuitem', { name: /Account|settings/i }).click()
  await page.waitForURL(account())
  await page.reload()
  await page.getByRole('link', { name: 'Templates' }).click()
  await page.waitForURL(inProject('/templates'))
})

pageTest('language and theme take effect at once and stay', async (page) => {
  await page.goto(account())
  await page.getByRole('combobox', { name: 'Language' }).click()
  await page.getByRole('option', { name: 'Deutsch' }).click()
  await page.getByRole('combobox', { name: 'Aussehen' }).click()
  await page.getByRole('option', { name: 'dunkel' }).click()
  await page.locator('html.dark').waitFor({ state: 'attached' })
  await page.reload()
  await page.getByRole('region', { name: 'Sitzungen' }).waitFor()
  assert.equal(await page.locator('html.dark').count(), 1)
})

/** Let *page* keep its notifications, and have no focus. */
const withoutFocus = (page) =>
  page.addInitScript(() => {
    window.shown = []
    window.Notification = class {
      static permission = 'granted'
      static requestPermission = async () => 'granted'
      constructor(title, { body }) {
        window.shown.push(`${title}: ${body}`)
      }
    }
    document.hasFocus = () => false
  })

const shownOf = (page, task) =>
  page.evaluate((id) => window.shown.filter((each) => each.endsWith(`#${id}`)).length, task.id)

pageTest('the end of a run of mine is notified while the page has no focus', async (page) => {
  await withoutFocus(page)
  await page.goto(account())
  await page.getByRole('button', { name: 'live', exact: true }).waitFor()
  await ended(await start('Ping localhost')) // nobody has asked for notifications yet
  await page.getByLabel('Notify me when a run of mine ends').check()
  const task = await ended(await start('Ping localhost'))
  await page.waitForFunction((id) => window.shown.some((each) => each.endsWith(`#${id}`)), task.id)
  const shown = await page.evaluate(() => window.shown)
  assert.match(shown[0], /^Notifications are on: /)
  assert.match(shown.at(-1), new RegExp(`^Ping localhost: Success, .*, #${task.id}$`))
})

pageTest('an end is notified by one tab, and by none while another one is in use', async (page) => {
  await withoutFocus(page)
  const other = await page.context().newPage() // has the focus, as far as it knows
  const third = await page.context().newPage()
  await withoutFocus(third)
  for (const each of [page, other, third]) {
    await each.goto(account())
    await each.getByRole('button', { name: 'live', exact: true }).waitFor()
  }
  await page.getByLabel('Notify me when a run of mine ends').check()
  const first = await ended(await start('Ping localhost'))
  await page.waitForTimeout(1_000)
  assert.deepEqual([await shownOf(page, first), await shownOf(third, first)], [0, 0])
  await other.close()
  const second = await ended(await start('Ping localhost'))
  let count = 0
  await until(async () => {
    count = (await shownOf(page, second)) + (await shownOf(third, second))
    return count > 0
  }, 'the end is notified')
  await page.waitForTimeout(1_000)
  assert.equal((await shownOf(page, second)) + (await shownOf(third, second)), 1)
})

pageTest('ends are notified without a websocket, each once', async (page) => {
  await withoutFocus(page)
  await addTemplate('Short nap', slow(3))
  let down = false
  const sockets = new Set()
  await page.routeWebSocket(/\/api\/ws$/, (client) => {
    if (down) return void client.close({ code: 1012 })
    client.connectToServer()
    sockets.add(client)
  })
  await page.goto(account())
  await page.getByRole('button', { name: 'live', exact: true }).waitFor()
  await page.getByLabel('Notify me when a run of mine ends').check()
  const before = await start('Short nap')
  await reaches(before, 'running')
  down = true
  for (const each of sockets) await each.close({ code: 1012 })
  const meanwhile = await start('Short nap') // the page has heard nothing of it
  for (const task of [before, meanwhile]) {
    await ended(task)
    await until(() => shownOf(page, task), 'the end is notified')
  }
  down = false
  await page.getByRole('button', { name: 'live', exact: true }).waitFor({ timeout: 60_000 })
  await page.waitForTimeout(1_000)
  assert.deepEqual([await shownOf(page, before), await shownOf(page, meanwhile)], [1, 1])
})

for (const look of [{}, { phone: true }]) {
  pageTest(`axe finds nothing in the account ${JSON.stringify(look)}`, look, async (page) => {
    await page.goto(account())
    await page.getByText('this session').waitFor()
    await checkAccess(page)
  })
}

pageTest('the next token has none of the limits of the last one', async (page) => {
  await page.goto(account())
  const fields = [
    ['End of the token', 'ends in 7 days'],
    ['What the token may do', 'reads only'],
    ['Where the token is accepted', 'only project Demo'],
  ]
  const first = {}
  for (const [label, option] of fields) {
    const field = page.getByLabel(label)
    first[label] = await field.innerText()
    await field.click()
    await page.getByRole('option', { name: option }).click()
  }
  await page.getByRole('button', { name: 'Create token' }).click()
  await page.locator('.note code').waitFor()
  for (const [label, option] of fields) {
    assert.notEqual(first[label], option)
    assert.equal(await page.getByLabel(label).innerText(), first[label])
  }
})
