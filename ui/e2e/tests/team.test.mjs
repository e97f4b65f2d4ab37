import assert from 'node:assert/strict'
import { checkAccess } from '../lib/axe.mjs'
import { inProject, pageTest } from '../lib/page.mjs'
import { send } from '../lib/server.mjs'
import { world } from '../lib/world.mjs'

const SECRET = 'a long enough password'
const members = () => world.api('GET', `/project/${world.project}/users`)
const roleOf = async (username) => (await members()).find((e) => e.username === username)?.role
const addUser = (username, name = `Person ${username}`) =>
  world.api('POST', '/users', {
    name,
    username,
    email: `${username}@example.net`,
    password: SECRET,
  })
const addMember = ({ id }, role) =>
  world.api('POST', `/project/${world.project}/users`, { user_id: id, role })

/** Wait until the server says what the page shows. */
async function becomes(read, wanted) {
  for (let i = 0; i < 100 && (await read()) !== wanted; i++)
    await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(await read(), wanted)
}

pageTest('a member is added, gets another role and is removed', async (page) => {
  await addUser('jonas', 'Jonas Weber')
  await page.goto(inProject('/team'))
  await page.getByRole('button', { name: 'Add member' }).click()
  const panel = page.getByRole('dialog')
  const add = panel.getByRole('button', { name: 'Add member' })
  assert.ok(await add.isDisabled())
  await panel.getByLabel('User', { exact: true }).click()
  await page.getByRole('option', { name: /Jonas Weber/ }).click()
  await panel.getByRole('radio', { name: 'Guest' }).click()
  await add.click()
  const row = page
    .getByRole('list', { name: 'Team' })
    .getByRole('listitem')
    .filter({ hasText: 'Jonas Weber' })
  await row.waitFor()
  await becomes(() => roleOf('jonas'), 'guest')
  await row.getByRole('combobox', { name: 'Role of Jonas Weber' }).click()
  await page.getByRole('option', { name: /Manager/ }).click()
  await becomes(() => roleOf('jonas'), 'manager')
  await row.getByRole('button', { name: 'Remove Jonas Weber' }).click()
  await page.getByText('The project disappears for this person at once').waitFor()
  await page.getByRole('button', { name: 'Remove', exact: true }).click()
  await row.waitFor({ state: 'detached' })
  await becomes(() => roleOf('jonas'), undefined)
})

pageTest('a leaver loses every access in one step, and it is counted', async (page) => {
  const leaver = await addUser('leaver', 'Petra Lang')
  await addMember(leaver, 'manager')
  const login = await send(`${world.url}/api/auth/login`, {
    method: 'POST',
    body: { auth: 'leaver', password: SECRET },
  })
  const headers = { cookie: login.headers['set-cookie'][0].split(';')[0], origin: world.url }
  const token = await send(`${world.url}/api/user/tokens`, { method: 'POST', headers })
  assert.equal(token.status, 201)
  await page.goto(inProject('/team'))
  const row = page.getByRole('listitem').filter({ hasText: 'Petra Lang' })
  await row.getByRole('button', { name: 'Remove Petra Lang' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('The account stays, with 1 token, 1 session').waitFor()
  await dialog.getByLabel('Disable the account everywhere, too').check()
  await dialog.getByText('Ends at once: 1 token, 1 session.').waitFor()
  await dialog.getByRole('button', { name: 'Remove and disable' }).click()
  await page
    .getByText('Petra Lang removed and disabled; ended: 1 token, 1 session')
    .first()
    .waitFor()
  await row.waitFor({ state: 'detached' })
  assert.deepEqual(await world.api('GET', `/users/${leaver.id}/access`), {
    active: false,
    sessions: 0,
    tokens: 0,
    devices: 0,
  })
})

pageTest(
  'an administrator gets from a member to the account, and to the administration',
  async (page) => {
    const user = await addUser('row', 'Rosa Winter')
    await addMember(user, 'guest')
    await page.goto(inProject('/team'))
    await page.getByRole('listitem').filter({ hasText: 'Rosa Winter' }).getByText('row').click()
    await page.waitForURL(`${world.url}/admin/users?user=${user.id}`)
    await page.getByRole('dialog').getByRole('heading', { name: 'Rosa Winter' }).waitFor()
    await page.goto(inProject('/team'))
    await page.getByRole('button', { name: /^Account of/ }).click()
    await page.getByRole('menuitem', { name: 'Administration' }).click()
    await page.waitForURL(`${world.url}/admin`)
  },
)

pageTest(
  'a guest sees the members, but no verbs; and may leave',
  { login: false },
  async (page) => {
    await addMember(await addUser('lena', 'Lena <img src=x onerror=alert(1)>'), 'guest')
    await page.goto(`${world.url}/login?next=/project/${world.project}/team`)
    await page.getByLabel('User or e-mail').fill('lena')
    await page.getByLabel('Password', { exact: true }).fill(SECRET)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('listitem').filter({ hasText: 'Lena <img src=x' }).waitFor()
    assert.equal(await page.getByRole('combobox').count(), 0)
    assert.equal(await page.getByRole('button', { name: /Remove|Add member/ }).count(), 0)
    assert.equal(await page.locator('main img').count(), 0)
    await page.getByRole('button', { name: 'Leave project' }).click()
    await page.getByRole('button', { name: 'Leave the project' }).click()
    await page.getByText('No project yet').waitFor()
    await becomes(() => roleOf('lena'), undefined)
  },
)

pageTest('the last owner stays', async (page) => {
  const owners = (await members()).filter((each) => each.role === 'owner')
  assert.equal(owners.length, 1)
  await page.goto(inProject('/team'))
  const row = page.getByRole('listitem').filter({ hasText: owners[0].name }).first()
  await row.getByText('Owner', { exact: true }).waitFor()
  assert.equal(await row.getByRole('button', { name: /Remove/ }).count(), 0)
})

for (const look of [{}, { phone: true }]) {
  pageTest(`axe finds nothing in the team ${JSON.stringify(look)}`, look, async (page) => {
    const user = await addUser(`axe${JSON.stringify(look).length}`)
    await addMember(user, 'task_runner')
    await page.goto(inProject('/team'))
    await page.getByText(user.name).waitFor()
    await checkAccess(page)
    await page.goto(inProject('/team?add=member'))
    await page.getByRole('dialog').getByRole('radio', { name: 'Guest' }).waitFor()
    await checkAccess(page)
  })
}
