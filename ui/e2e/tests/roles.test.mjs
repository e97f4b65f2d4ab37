// What each role sees and may do on every page of the project. A page of a test fails if
// the server refuses anything that it asks for.
import assert from 'node:assert/strict'
import { go, inProject, pageTest } from '../lib/page.mjs'
import { become } from '../lib/people.mjs'
import { addTemplate, api, ended, reaches, slow, start } from '../lib/runs.mjs'
import { send } from '../lib/server.mjs'
import { world } from '../lib/world.mjs'

const EDITS =
  /^(Add|New|Edit|Change|Delete|Remove|Save|Create|Check|Generate|Revoke|Set up|Copy the invite)\b/
const RUNS = /^(Run|Stop|Approve|Reject)\b/

/** Buttons that anybody may press: they change nothing of the project, or only what is one's own. */
const OWN = /^(Add device|Run of|Change the theme|Create a new project)/

let material

/** What the pages show: one object of each kind, a task that has ended and one that runs. */
async function prepare() {
  if (material) return material
  await addTemplate('Roles', slow(1))
  const past = await ended(await start('Roles'))
  const first = async (noun) => (await api('GET', noun))[0].id
  const [inventory, group, repository] = await Promise.all(
    ['/inventory', '/environment', '/repositories'].map(first),
  )
  const key = await api('POST', '/keys', { name: 'roles', type: 'string', string: 'x' })
  const template = past.template_id
  const pages = [
    ['/', []],
    ['/templates', [/^New template/, /^Edit views/, /^Run/]],
    [`/templates/${template}`, [/^Edit/, /^Run/]],
    ['/templates/new', [/^Create template/]],
    [`/templates/${template}/edit`, [/^Save/]],
    ['/templates?edit=views', [/^Save/]],
    ['/tasks', []],
    [`/tasks/${past.id}`, [/^Run again/]],
    ['/inventory', [/^Add inventory/]],
    ['/inventory?add=1', [/^Add inventory/]],
    [`/inventory/${inventory}`, [/^Edit/]],
    [`/inventory/${inventory}?tab=users`, [/^Delete/]],
    ['/variables', [/^Add/]],
    ['/variables?add=1', [/^Add/]],
    [`/variables?group=${group}`, [/^Change/]],
    ['/keys', [/^Add key/]],
    ['/keys?add=ssh', [/^Add key/]],
    [`/keys?key=${key.id}`, [/^Change|^Rename/]],
    ['/repositories', [/^Add repository/]],
    ['/repositories?add=1', [/^Add/]],
    [`/repositories?repository=${repository}`, [/^Change/, /^Check/]],
    ['/team', []],
    ['/team?add=member', []],
    ['/activity', []],
    ['/settings', []],
    ['/start', []],
    ['/vpn', []],
  ]
  return (material = { pages, template, past })
}

/** Return what waits until nothing has been asked of the server for a while. */
function requestsEnd(page) {
  let open = 0
  let last = 0
  const change = (by) => () => ((open += by), (last = Date.now()))
  page.on('request', change(1))
  for (const end of ['requestfinished', 'requestfailed']) page.on(end, change(-1))
  return async () => {
    last = Date.now()
    while (open > 0 || Date.now() - last < 300) await page.waitForTimeout(50)
    await page.waitForFunction(
      () => document.querySelector('main') && !document.querySelector('[aria-label=Loading]'),
    )
  }
}

/** The names of the buttons that change something, also of those that are off. */
async function verbs(page) {
  const names = await page
    .locator('button:visible, a[href]:visible')
    .evaluateAll((all) =>
      all
        .filter((each) => !each.closest('nav'))
        .map((each) => (each.getAttribute('aria-label') ?? each.textContent).trim()),
    )
  return names.filter((name) => (EDITS.test(name) || RUNS.test(name)) && !OWN.test(name))
}

/** The status of the answer to a request of the user whose page this is. */
async function status(page, method, path, body = {}) {
  const cookies = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`)
  const url = `${world.url}/api/project/${world.project}${path}`
  return (await send(url, { method, body, headers: { cookie: cookies.join('; ') } })).status
}

for (const [role, may] of [
  ['guest', () => false],
  ['task_runner', (name) => RUNS.test(name)],
  ['manager', () => true],
]) {
  const options = { login: false, timeout: 400_000 }
  pageTest(`a ${role} sees the verbs of the role on every page`, options, async (page) => {
    const { pages } = await prepare()
    await become(page, role)
    const quiet = requestsEnd(page)
    await page.goto(inProject())
    page.expectRefusal(409, '/vpn/network') // it is not set up
    for (const [path, wanted] of pages) {
      await go(page, inProject(path))
      await quiet()
      let seen = await verbs(page)
      const missing = () =>
        wanted.filter((each) => may(each.source.slice(1)) && !seen.some((name) => each.test(name)))
      for (let tries = 0; missing().length > 0 && tries < 50; tries++) {
        await page.waitForTimeout(200) // on a busy machine
        seen = await verbs(page)
      }
      assert.deepEqual(missing(), [], `${path}: not among ${seen}`)
      assert.deepEqual(
        seen.filter((name) => !may(name)),
        [],
        `${path}: not permitted`,
      )
      assert.equal(await page.locator('[role=alert]:visible').count(), 0, `${path}: an error`)
    }
    for (const name of ['Keys', 'Variables']) {
      const entry = page.getByRole('complementary').getByRole('link', { name, exact: true })
      assert.equal((await entry.count()) > 0, may('Edit'), `${name} in the rail`)
    }
  })
}

pageTest('a guest can neither run nor stop nor change', { login: false }, async (page) => {
  const { template, past } = await prepare()
  await become(page, 'guest')
  assert.equal(await status(page, 'POST', '/tasks', { template_id: template }), 403)
  assert.equal(await status(page, 'POST', `/tasks/${past.id}/stop`), 403)
  assert.equal(await status(page, 'DELETE', `/templates/${template}`), 403)
  assert.equal(await status(page, 'POST', '/views', { title: 'mine' }), 403)
})

pageTest('a task runner runs and stops, but changes nothing', { login: false }, async (page) => {
  const { template } = await prepare()
  await addTemplate('Long roles', slow(60))
  await become(page, 'task_runner')
  await page.goto(inProject('/templates?q=Long+roles'))
  const row = page.getByRole('row', { name: /Long roles/ })
  await row.getByRole('button', { name: 'Run', exact: true }).click()
  await page.getByRole('dialog').getByRole('button', { name: /^Run/ }).last().click()
  await page.waitForURL(/\/tasks\/\d+/)
  const task = { id: Number(/\d+$/.exec(new URL(page.url()).pathname)[0]) }
  await reaches(task, 'running')
  await page.getByRole('button', { name: 'Stop', exact: true }).click()
  await page.getByRole('dialog').getByRole('button', { name: /^Stop/ }).click()
  assert.equal((await ended(task)).status, 'stopped')
  assert.equal(await status(page, 'DELETE', `/templates/${template}`), 403)
  assert.equal(await status(page, 'POST', '/views', { title: 'mine' }), 403)
})

const live = (page) => page.locator('[data-state=live]').waitFor()
const adding = (page) => page.getByRole('button', { name: /^Add key/ }).first()

pageTest('a role that could not be read is read again', { login: false }, async (page) => {
  await become(page, 'manager')
  let fails = true
  page.expectRefusal(502, '/role')
  await page.route(/\/api\/project\/\d+\/role$/, (route) =>
    fails ? route.fulfill({ status: 502, body: '' }) : route.continue(),
  )
  await page.goto(inProject('/keys'))
  await live(page)
  await page.waitForTimeout(1_000) // more than the refresh that follows the connection
  assert.equal(await adding(page).count(), 0)
  fails = false
  await adding(page).waitFor()
})

pageTest('a role changed elsewhere arrives in an open page', { login: false }, async (page) => {
  const user = await become(page, 'guest')
  const set = (role) => api('PUT', `/users/${user.id}`, { role })
  const entry = page.getByRole('complementary').getByRole('link', { name: 'Keys', exact: true })
  await page.goto(inProject('/inventory'))
  await live(page)
  assert.equal(await entry.count(), 0)
  await set('manager')
  await entry.click()
  await adding(page).click()
  const name = page.getByRole('dialog').getByLabel('Name', { exact: true })
  await name.fill('entered')
  const read = page.waitForResponse(/\/role$/)
  await set('owner')
  await read
  assert.equal(await name.inputValue(), 'entered')
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Discard' }).click()
  await set('guest')
  await entry.waitFor({ state: 'detached' })
})

pageTest('projects joined and renamed elsewhere arrive', { login: false }, async (page) => {
  const user = await become(page, 'guest')
  const made = await world.api('POST', '/projects', { name: 'Joined' })
  const noun = `/project/${made.id}`
  await page.goto(inProject())
  await live(page)
  await world.api('POST', `${noun}/users`, { user_id: user.id, role: 'guest' })
  await page.getByRole('button', { name: /^Project Demo/ }).click()
  await page.getByRole('menuitemcheckbox', { name: 'Joined' }).click()
  await page.waitForURL(`${world.url}${noun}`)
  await world.api('PUT', noun, { name: 'Renamed' })
  await page.getByRole('button', { name: /^Project Renamed/ }).waitFor()
  await world.api('DELETE', noun)
})
