import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { checkAccess } from '../lib/axe.mjs'
import { pageTest } from '../lib/page.mjs'
import { world } from '../lib/world.mjs'

const add = (name) => world.api('POST', '/projects', { name })
const read = ({ id }) => world.api('GET', `/project/${id}`)
const at = ({ id }) => `${world.url}/project/${id}/settings`

pageTest('the copies of repositories are removed', async (page) => {
  await page.goto(at(await add('Copied')))
  await page.getByRole('button', { name: 'Remove the copies' }).click()
  await page.getByText('Copies removed').first().waitFor()
})

pageTest('name, limit and alerts are saved, and the rail knows the name', async (page) => {
  const project = await add('Staging')
  await page.goto(at(project))
  const save = page.getByRole('button', { name: 'Save', exact: true })
  await save.waitFor()
  assert.ok(await save.isDisabled())
  await page.getByLabel('Name').fill('Staging <img src=x onerror=alert(1)>')
  await page.getByLabel('Tasks at the same time').fill('3')
  await page.getByLabel('Alerts', { exact: true }).check()
  await page.getByLabel('Chat for alerts').fill('-100123')
  await save.click()
  await page.getByText('Project saved').first().waitFor()
  await page.getByRole('button', { name: /Project Staging <img/ }).waitFor()
  assert.equal(await page.locator('main img').count(), 0)
  const { max_parallel_tasks, alert, alert_chat } = await read(project)
  assert.deepEqual([max_parallel_tasks, alert, alert_chat], [3, true, '-100123'])
})

pageTest('a refusal stands at its field, and what is not saved is guarded', async (page) => {
  const project = await add('Guarded')
  page.expectRefusal(400, `/api/project/${project.id}`)
  await page.goto(at(project))
  await page.getByLabel('Name').fill('Guar\u0085ded')
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await page.getByText('control characters').waitFor()
  assert.equal(await page.getByLabel('Name').getAttribute('aria-invalid'), 'true')
  await page.getByRole('link', { name: 'Team' }).click()
  await page.getByText('Discard what you entered?').waitFor()
  await page.getByRole('button', { name: 'Cancel' }).click()
  assert.match(page.url(), /settings$/)
})

pageTest('a change made elsewhere is shown', async (page) => {
  const project = await add('Shared')
  await page.goto(at(project))
  await page.getByRole('button', { name: 'Save', exact: true }).waitFor()
  await world.api('PUT', `/project/${project.id}`, { name: 'Shared by others' })
  await page.waitForFunction(() =>
    [...document.querySelectorAll('main input')].some((e) => e.value === 'Shared by others'),
  )
  await page.getByLabel('Name').fill('Mine')
  await world.api('PUT', `/project/${project.id}`, { name: 'Theirs' })
  await page.getByText('changed elsewhere meanwhile').waitFor()
  assert.equal(await page.getByLabel('Name').inputValue(), 'Mine')
  await page.getByRole('button', { name: 'Show the change' }).click()
  assert.equal(await page.getByLabel('Name').inputValue(), 'Theirs')
})

pageTest('a project is deleted once its name was typed', async (page) => {
  const project = await add('To be deleted')
  await world.api('POST', `/project/${project.id}/keys`, {
    name: 'k',
    type: 'string',
    string: 'x',
  })
  page.expectRefusal(404, `/api/project/${project.id}`) // a reload may come too late
  await page.goto(at(project))
  await page.getByRole('button', { name: 'Delete project…' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('1 key, and').waitFor()
  const verb = dialog.getByRole('button', { name: 'Delete the project' })
  await dialog.getByRole('textbox').fill('To be')
  assert.ok(await verb.isDisabled())
  await dialog.getByRole('textbox').fill('To be deleted')
  await verb.click()
  await page.getByText('Project To be deleted deleted').first().waitFor()
  const left = await world.api('GET', '/projects')
  assert.ok(!left.some((each) => each.id === project.id))
})

pageTest('a project is saved as a file, and created again from it', async (page) => {
  const project = await add('Kept')
  await world.api('POST', `/project/${project.id}/keys`, {
    name: 'Deploy',
    type: 'string',
    string: 'not in the file',
  })
  const [key] = await world.api('GET', `/project/${project.id}/keys`)
  const repository = await world.api('POST', `/project/${project.id}/repositories`, {
    name: 'Files',
    git_url: 'https://git.example/files.git',
    git_branch: 'main',
    ssh_key_id: key.id,
  })
  const template = await world.api('POST', `/project/${project.id}/templates`, {
    name: 'Nightly',
    app: 'bash',
    playbook: 'a.sh',
    repository_id: repository.id,
  })
  await world.api('POST', `/project/${project.id}/schedules`, {
    name: 'Night',
    template_id: template.id,
    cron_format: '0 3 * * *',
    active: true,
  })
  await page.goto(at(project))
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Save file' }).click(),
  ])
  assert.equal(download.suggestedFilename(), 'Kept.json')
  const path = await download.path()
  assert.doesNotMatch(await readFile(path, 'utf8'), /not in the file/)

  await page.goto(`${world.url}/project/new`)
  const input = page.locator('input[type=file]')
  await input.setInputFiles({
    name: 'x.json',
    mimeType: 'application/json',
    buffer: Buffer.from('[]'),
  })
  await page.getByText('x.json is not the file of a project').waitFor()
  await input.setInputFiles(path)
  await page.getByText('1 template, 1 schedule, 1 repository, 1 variable group').waitFor()
  assert.ok(await page.getByLabel('Leave the schedules switched off').isChecked())
  await page.getByText('1 secret has to be entered again.').waitFor()
  await checkAccess(page)
  const card = page.locator('form').filter({ hasText: 'Create from this file' })
  await card.getByLabel('Name').fill('Kept again')
  await card.getByRole('button', { name: 'Create from this file' }).click()
  await page.waitForURL(/\/keys$/)
  await page.getByRole('button', { name: /Project Kept again/ }).waitFor()
  await page.getByText('Deploy').first().waitFor()
  const made = Number(/project\/(\d+)/.exec(page.url())[1])
  const [schedule] = await world.api('GET', `/project/${made}/schedules`)
  assert.deepEqual([schedule.name, schedule.active], ['Night', false])
})

pageTest('a file that the server refuses says why', async (page) => {
  page.expectRefusal(400, '/api/projects/restore')
  const backup = { meta: { name: 'Bad' }, keys: [{ name: 'K', type: 'gpg' }] }
  await page.goto(`${world.url}/project/new`)
  await page.locator('input[type=file]').setInputFiles({
    name: 'b.json',
    mimeType: 'application/json',
    buffer: Buffer.from(JSON.stringify(backup)),
  })
  await page.getByRole('button', { name: 'Create from this file' }).click()
  await page.getByText('keys "K": type').waitFor()
})

for (const look of [{}, { phone: true }]) {
  pageTest(`axe finds nothing in the settings ${JSON.stringify(look)}`, look, async (page) => {
    await page.goto(at({ id: world.project }))
    await page.getByRole('button', { name: 'Delete project…' }).waitFor()
    await checkAccess(page)
    await page.getByRole('button', { name: 'Delete project…' }).click()
    await page.getByRole('dialog').getByRole('textbox').waitFor()
    await checkAccess(page)
  })
}
