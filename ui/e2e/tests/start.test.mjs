import assert from 'node:assert/strict'
import { after } from 'node:test'
import { checkAccess } from '../lib/axe.mjs'
import { pageTest } from '../lib/page.mjs'
import { addTemplate, demoFiles } from '../lib/runs.mjs'
import { ADMIN, PASSWORD } from '../lib/server.mjs'
import { startSshd } from '../lib/sshd.mjs'
import { world } from '../lib/world.mjs'

const PLAYBOOK = `---
- hosts: all
  gather_facts: false
  tasks:
    - name: Greet
      ansible.builtin.raw: echo hello from a host
`
const PYTHON = 'ansible_python_interpreter=/usr/bin/python3'
const host = await startSshd()
after(host.stop)
const repository = host.repository('first', { 'site.yml': PLAYBOOK, 'notes.txt': 'nothing\n' })

const step = (page, name) =>
  page.getByRole('listitem').filter({ has: page.getByRole('heading', { name, exact: true }) })
const verb = (page, name) => page.getByRole('button', { name, exact: true })

/** A project without anything, for tests that do not begin with one. */
const project = (name) => world.api('POST', '/projects', { name })
const guide = (made) => `${world.url}/project/${made.id}/start`

pageTest('a newcomer comes from the login to a first run', { login: false }, async (page) => {
  await page.goto(world.url)
  await page.getByLabel('User or e-mail').fill(ADMIN)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('button', { name: /^Project/ }).click()
  await page.getByRole('menuitem', { name: 'New project' }).click()
  await page.getByLabel('Name').fill('Own hosts')
  await verb(page, 'Create project').click()
  await verb(page, 'Generate key').waitFor()
  await page.getByRole('link', { name: 'Dashboard' }).click()
  await page.getByRole('link', { name: 'Set up the first run' }).click()

  await verb(page, 'Generate key').click()
  const line = page.getByText(/^ssh-ed25519 /)
  await line.waitFor()
  const shared = await line.textContent()
  await verb(page, 'Choose a repository').click()

  await page.getByLabel('Address').fill(repository)
  await verb(page, 'Save and check').click()
  await page.getByText('The repository could not be fetched.').waitFor() // not authorized yet
  host.authorize(shared)
  await verb(page, 'Save and check').click()
  await page.getByText('1 playbook', { exact: true }).waitFor({ timeout: 60_000 })
  await verb(page, 'Choose hosts').click()

  await page
    .getByLabel('Hosts', { exact: true })
    .fill(`web1 ${host.variables} ansible_user=${host.user} ${PYTHON}`)
  await verb(page, 'Save and check').click()
  await page.getByText('1 of 1 host answers').waitFor({ timeout: 60_000 })
  await verb(page, 'Choose a playbook').click()

  await page.getByText('site.yml is in the repository.').waitFor()
  await verb(page, 'Save and see the command').click()
  await page.getByText(/ansible-playbook .*site\.yml/).waitFor()
  await checkAccess(page)
  await verb(page, 'Run Site').click()

  await page.waitForURL(/\/project\/\d+\/tasks\/\d+$/)
  await page.getByText(/^Succeeded (after|in less)/).waitFor({ timeout: 60_000 })
  await page.goto(`${page.url().replace(/\/tasks.*/, '')}/start`)
  await step(page, 'Run').getByText('Success').waitFor()
})

pageTest('a template with a survey is run by the dialog', async (page) => {
  const made = await project('Asks first')
  const own = (path) => `/project/${made.id}${path}`
  const [none] = await world.api('GET', own('/keys'))
  const files = await world.api('POST', own('/repositories'), {
    name: 'Files',
    git_url: (await demoFiles()).git_url,
    git_branch: '',
    ssh_key_id: none.id,
  })
  await world.api('POST', own(`/repositories/${files.id}/check`), {})
  const hosts = await world.api('POST', own('/inventory'), {
    name: 'Here',
    type: 'static',
    inventory: `localhost ansible_connection=local ${PYTHON}\n`,
  })
  await world.api('POST', own(`/inventory/${hosts.id}/check`), {})
  await addTemplate('Asking', '#!/bin/bash\necho "release $1"\n')
  await world.api('POST', own('/templates'), {
    name: 'Asking',
    playbook: 'asking.sh',
    app: 'bash',
    repository_id: files.id,
    inventory_id: hosts.id,
    survey_vars: [{ name: 'release', title: 'Which release?', type: '', required: true }],
  })
  for (const path of [`/repositories/${files.id}/check`, `/inventory/${hosts.id}/check`]) {
    while ((await world.api('GET', own(path))).status === 'running') {
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
  page.expectRefusal(400, '/preview') // without the answer
  await page.goto(`${guide(made)}?step=run`)
  await page.getByText('This template asks for answers or options').waitFor()
  await verb(page, 'Run Asking…').click()
  const dialog = page.getByRole('dialog', { name: 'Run Asking' })
  await verb(dialog, 'Run').click()
  await dialog.getByText('An answer is needed.').waitFor()
  assert.deepEqual(await world.api('GET', own('/tasks/last')), [])
  await dialog.getByLabel('Which release?').fill('1.2.3')
  await verb(dialog, 'Run').click()
  await page.waitForURL(/\/tasks\/\d+$/)
  await page.getByText('release release=1.2.3').waitFor()
})

pageTest('what is saved stays, and a step opens again', async (page) => {
  const made = await project('Left half-way')
  await page.goto(guide(made))
  await page.getByText('No key', { exact: true }).click()
  await verb(page, 'Go on without a key').click()
  await page.getByLabel('Address').fill('file://elsewhere/relative')
  page.expectRefusal(400, '/repositories')
  await verb(page, 'Save and check').click()
  await page.getByText('A file: URL is written file:///absolute/path').waitFor()
  await page.getByLabel('Address').fill('https://127.0.0.1:9/nothing.git')
  await verb(page, 'Save and check').click()
  await page.getByText('The repository could not be fetched.').waitFor()
  await page.goto(guide(made))
  assert.equal(await page.getByLabel('Address').inputValue(), 'https://127.0.0.1:9/nothing.git')
  await page.getByLabel('Address').fill('https://127.0.0.1:9/other.git')
  await step(page, 'Key').getByRole('button').click()
  const dialog = page.getByRole('dialog', { name: 'Discard what you entered?' })
  await dialog.getByRole('button', { name: 'Discard' }).click()
  await verb(page, 'Go on without a key').waitFor()
  await page.goBack()
  await page.getByLabel('Address').waitFor()
})

pageTest('a step that is not reached does not open by its address', async (page) => {
  const made = await project(`<img src=x onerror=alert(1)> ${'🔑'.repeat(50)}`)
  await page.goto(`${guide(made)}?step=run&template=abc`)
  await verb(page, 'Generate key').waitFor()
  assert.equal(await page.locator('main img').count(), 0)
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)
  assert.equal(wide, false)
})

pageTest('the demo is loaded instead', async (page) => {
  await page.goto(guide(await project('Only looking')))
  await verb(page, 'Load the demo project').click()
  await page.getByText('Nothing has run yet').waitFor()
  const id = Number(/project\/(\d+)$/.exec(page.url())[1])
  const templates = await world.api('GET', `/project/${id}/templates`)
  assert.ok(templates.length > 1)
  await world.api('DELETE', `/project/${id}`)
})

for (const look of [{}, { phone: true }]) {
  pageTest(`axe finds nothing in the guide ${JSON.stringify(look)}`, look, async (page) => {
    await page.goto(guide(await project('Seen')))
    await verb(page, 'Generate key').waitFor()
    await checkAccess(page)
    await page.getByText('Paste', { exact: true }).click()
    await page.getByLabel('Private key').waitFor()
    await checkAccess(page)
  })
}
