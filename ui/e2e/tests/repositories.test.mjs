import assert from 'node:assert/strict'
import { checkAccess } from '../lib/axe.mjs'
import { addBranch, gitFolder } from '../lib/gitfolder.mjs'
import { inProject, pageTest } from '../lib/page.mjs'
import { api } from '../lib/runs.mjs'

const PLAY = '- hosts: all\n  tasks: []\n'
const noKey = async () => (await api('GET', '/keys')).find((each) => each.type === 'none').id
const make = async (body) =>
  api('POST', '/repositories', { git_branch: 'main', ssh_key_id: await noKey(), ...body })
const find = async (name) => (await api('GET', '/repositories')).find((each) => each.name === name)

pageTest('a repository is added, checked at once, changed and deleted', async (page) => {
  const folder = gitFolder('own', { 'site.yml': PLAY, 'deploy/web.yml': PLAY, 'notes.txt': '' })
  addBranch(folder, 'stable')
  await page.goto(inProject('/repositories'))
  await page.getByRole('button', { name: 'Add repository' }).click()
  const panel = page.getByRole('dialog')
  await panel.getByLabel('Name').fill('own playbooks')
  await panel.getByLabel('URL').fill('ftp://example.org/x.git')
  page.expectRefusal(400, '/repositories')
  await panel.getByRole('button', { name: 'Add and check' }).click()
  await panel.getByText('ftp').locator('visible=true').last().waitFor()
  assert.equal(await panel.getByLabel('URL').getAttribute('aria-invalid'), 'true')
  await panel.getByLabel('URL').fill(folder)
  await panel.getByRole('button', { name: 'Add and check' }).click()
  await panel.getByRole('heading', { name: 'own playbooks' }).waitFor()
  await panel.getByText('The branch was fetched').waitFor({ timeout: 60_000 })
  await panel.getByText('2 branches').waitFor()
  await panel.getByRole('list', { name: 'Playbooks' }).getByText('deploy/web.yml').waitFor()
  await panel.getByText('Not used').waitFor()
  // another branch, which is not there
  await panel.getByRole('button', { name: 'Change' }).click()
  await panel.getByLabel('Branch').fill('missing')
  await panel.getByRole('button', { name: 'Save' }).click()
  await panel.getByText('The check failed.').waitFor({ timeout: 60_000 })
  await panel.getByText('"missing" was not found').waitFor()
  await panel.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('button', { name: 'Delete the repository' }).click()
  await page.getByRole('row', { name: /own playbooks/ }).waitFor({ state: 'detached' })
  assert.equal(await find('own playbooks'), undefined)
})

pageTest('a repository that is used says by whom, and is not deleted', async (page) => {
  const [demo] = await api('GET', '/repositories')
  await page.goto(inProject('/repositories'))
  const row = page.getByRole('row', { name: demo.name })
  await row.getByText(/\d+ templates?/).waitFor()
  await row.getByRole('link', { name: demo.name, exact: true }).click()
  const panel = page.getByRole('dialog')
  await panel.getByText('template', { exact: true }).first().waitFor()
  assert.ok(await panel.getByRole('button', { name: 'Delete' }).isDisabled())
  await page.keyboard.press('Escape')
  await panel.waitFor({ state: 'detached' })
})

pageTest('changes are not lost: neither mine nor those of another', async (page) => {
  const folder = gitFolder('shared', { 'a.yml': PLAY })
  const item = await make({ name: 'shared', git_url: folder })
  await page.goto(inProject())
  await page.getByRole('link', { name: 'Repositories' }).click()
  await page.getByRole('link', { name: 'shared', exact: true }).click()
  const panel = page.getByRole('dialog')
  await panel.getByRole('button', { name: 'Change' }).click()
  await panel.getByLabel('Name').fill('mine')
  for (const leave of [() => page.keyboard.press('Escape'), () => page.goBack()]) {
    await leave()
    await page.getByText('Discard what you entered?').waitFor()
    await page.getByRole('button', { name: 'Cancel' }).last().click()
    await page.getByText('Discard what you entered?').waitFor({ state: 'detached' })
  }
  await api('PUT', `/repositories/${item.id}`, { ...item, name: 'theirs' })
  page.expectRefusal(412, '/repositories')
  await panel.getByRole('button', { name: 'Save' }).click()
  await panel.getByText('changed in the meantime').waitFor()
  assert.equal((await find('theirs')).id, item.id)
})

pageTest('the filter is in the address, and names are only text', async (page) => {
  const folder = gitFolder('names', { 'a.yml': PLAY })
  for (const name of [
    '<img src=x onerror=alert(1)>',
    '\u202egnorw',
    '🗄'.repeat(60),
    'n'.repeat(255),
  ])
    await make({ name, git_url: folder })
  await page.goto(inProject('/repositories'))
  await page.getByText('<img src=x onerror=alert(1)>').first().waitFor()
  assert.equal(await page.locator('main img').count(), 0)
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)
  assert.equal(wide, false)
  await page.getByLabel('Filter by name, URL or branch').fill('nothing has this')
  await page.getByText('No repository matches').waitFor()
  assert.match(page.url(), /q=nothing/)
  await page.getByRole('button', { name: 'Show all repositories' }).click()
  await page.getByText('<img src=x onerror=alert(1)>').first().waitFor()
})

for (const look of [{}, { phone: true }]) {
  pageTest(`axe finds nothing ${JSON.stringify(look)}`, look, async (page) => {
    const [demo] = await api('GET', '/repositories')
    await page.goto(inProject(`/repositories?repository=${demo.id}`))
    await page.getByRole('dialog').getByText('Used by').waitFor()
    await checkAccess(page)
    await page.goto(inProject('/repositories?add=1'))
    await page.getByRole('dialog').getByLabel('URL').waitFor()
    await checkAccess(page)
  })
}
