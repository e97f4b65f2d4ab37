import assert from 'node:assert/strict'
import { checkAccess } from '../lib/axe.mjs'
import { inProject, pageTest } from '../lib/page.mjs'
import { demoFiles, ended, start } from '../lib/runs.mjs'
import { world } from '../lib/world.mjs'

const noun = (name) => `/project/${world.project}/${name}`

/** The number of a template. */
async function template(name) {
  return (await world.api('GET', noun('templates'))).find((each) => each.name === name).id
}

/** The body of a template that runs a script of the demo repository. */
async function body(name, more = {}) {
  const repository = await demoFiles()
  const playbook = 'disk-usage.sh'
  return { name, app: 'bash', playbook, repository_id: repository.id, ...more }
}

async function chooseRepository(page) {
  await page.getByLabel('Repository').click()
  await page.getByRole('option', { name: 'Demo files' }).click()
}

pageTest('a list shows the last run at once, and its end', async (page) => {
  await page.goto(inProject('/templates'))
  const row = page.getByRole('row', { name: /Ping localhost/ })
  await row.waitFor()
  const task = await start('Ping localhost')
  await row.getByText(/Queued|Starting|Running/).waitFor()
  await ended(task)
  await row.getByText('Success').waitFor()
})

pageTest('Run is always there, and the rest of a row leads to the template', async (page) => {
  await page.goto(inProject('/templates'))
  const row = page.getByRole('row', { name: /Ping localhost/ })
  const run = row.getByRole('button', { name: 'Run', exact: true })
  await run.waitFor()
  assert.equal(await run.evaluate((each) => getComputedStyle(each).opacity), '1')
  await run.click()
  const dialog = page.getByRole('dialog', { name: 'Run Ping localhost' })
  await dialog.waitFor()
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'More for Ping localhost' }).click()
  await page.getByRole('menuitem', { name: 'Run', exact: true }).click()
  await dialog.waitFor()
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  const address = inProject(`/templates/${await template('Ping localhost')}`)
  const place = row.getByText('ping.yml')
  const [other] = await Promise.all([
    page.context().waitForEvent('page'),
    place.click({ button: 'middle' }),
  ])
  await other.waitForURL(address)
  await other.close()
  assert.equal(page.url(), inProject('/templates'))
  await place.click()
  await page.waitForURL(address)
})

pageTest('templates are filtered at phone width, too', { phone: true }, async (page) => {
  await page.goto(inProject('/templates'))
  const rows = page.getByRole('list', { name: 'Templates' }).getByRole('listitem')
  await rows.filter({ hasText: 'Disk usage' }).waitFor()
  await page.getByLabel('Filter templates').fill('ping')
  await rows.filter({ hasText: 'Disk usage' }).waitFor({ state: 'detached' })
  await rows.filter({ hasText: 'Ping localhost' }).waitFor()
})

pageTest('views, words and the order are in the address', async (page) => {
  const view = await world.api('POST', noun('views'), { title: 'Nightly', position: 0 })
  await world.api('POST', noun('templates'), await body('In the view', { view_id: view.id }))
  await page.goto(inProject('/templates'))
  await page.getByRole('tab', { name: /Nightly/ }).click()
  await page.getByRole('row', { name: /In the view/ }).waitFor()
  assert.equal(await page.getByRole('row', { name: /Ping localhost/ }).count(), 0)
  await page.getByLabel('Filter templates').fill('nothing like this')
  await page.getByText('No template matches').waitFor()
  assert.match(page.url(), /view=\d+.*q=nothing/)
  await page.getByRole('button', { name: 'Show all templates' }).click()
  await page.getByRole('row', { name: /Ping localhost/ }).waitFor()
})

pageTest('views are made, renamed, ordered and deleted', async (page) => {
  const first = await world.api('POST', noun('views'), { title: 'Morning', position: 7 })
  await world.api('POST', noun('templates'), await body('At dawn', { view_id: first.id }))
  await page.goto(inProject(`/templates?view=${first.id}`))
  await page.getByRole('button', { name: 'Edit views' }).click()
  const panel = page.getByRole('dialog', { name: 'Edit views' })
  const rows = panel.getByRole('listitem')
  await rows.first().waitFor()
  const count = await rows.count()
  await panel.getByRole('button', { name: 'Add view' }).click()
  const added = panel.getByLabel(`Title of view ${count + 1}`)
  assert.ok(await panel.getByRole('button', { name: 'Save' }).isDisabled())
  await added.fill('Evening')
  await panel.getByLabel(`Title of view ${count}`).fill('Dawn <b>')
  await panel.getByRole('button', { name: 'Move Evening up' }).click()
  await panel.getByRole('button', { name: 'Save' }).click()
  await panel.waitFor({ state: 'detached' })
  const titles = async () =>
    (await world.api('GET', noun('views'))).map((each) => each.title).slice(-2)
  assert.deepEqual(await titles(), ['Evening', 'Dawn <b>'])
  await page.getByRole('tab', { name: /Dawn <b>/, selected: true }).waitFor()
  await page.getByRole('button', { name: 'Edit views' }).click()
  await panel.getByRole('button', { name: 'Delete view Dawn <b>' }).click()
  await page.keyboard.press('Escape')
  await page.getByText('Discard what you entered?').waitFor()
  await page.getByRole('button', { name: 'Cancel' }).last().click()
  await panel.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Dawn <b>: its 1 template stays, and is in no view then.').waitFor()
  await page.getByRole('button', { name: 'Delete view and save' }).click()
  await panel.waitFor({ state: 'detached' })
  await page.getByRole('row', { name: /At dawn/ }).waitFor()
  await page.getByRole('tab', { name: /All/, selected: true }).waitFor()
  assert.equal((await titles()).at(-1), 'Evening')
})

pageTest('a pinned template stays first', async (page) => {
  await page.goto(inProject('/templates'))
  await page.getByRole('button', { name: 'More for Ping localhost' }).click()
  await page.getByRole('menuitem', { name: 'Pin to the top' }).click()
  const first = page.locator('tbody tr').first()
  await first.getByText('Ping localhost').waitFor()
  await page.reload()
  await first.getByText('Ping localhost').waitFor()
})

pageTest('a template is made, changed, copied and deleted', async (page) => {
  // news of its deletion may reach its own page before that page is left
  page.expectRefusal(404, '/templates/')
  await page.goto(inProject('/templates/new'))
  const create = page.getByRole('button', { name: 'Create template' })
  assert.ok(await create.isDisabled())
  await page.getByLabel('Name', { exact: true }).fill('Made here')
  await page.getByLabel('Application').click()
  await page.getByRole('option', { name: 'Shell script' }).click()
  await page.getByLabel('Script', { exact: true }).fill('disk-usage.sh')
  await chooseRepository(page)
  await page.getByRole('button', { name: 'Add a variable' }).click()
  await page.getByLabel('Variable', { exact: true }).fill('release')
  await page.getByLabel('Question').fill('Which release?')
  await create.click()
  await page.getByRole('heading', { name: 'Made here' }).waitFor()
  await page.getByText('This template has not run yet').waitFor()
  await page.getByRole('link', { name: 'Edit' }).click()
  assert.equal(await page.getByLabel('Question').inputValue(), 'Which release?')
  await page.getByLabel('Description').fill('Free space by file system')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Free space by file system').waitFor()
  const number = await template('Made here')
  await page.goto(inProject(`/templates/new?from=${number}`))
  await page.getByRole('button', { name: 'Create template' }).click()
  await page.getByRole('heading', { name: 'Made here (copy)' }).waitFor()
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('button', { name: 'Delete the template' }).click()
  await page.getByRole('row', { name: /Made here/ }).waitFor()
  assert.equal(await page.getByText('Made here (copy)', { exact: true }).count(), 0)
})

pageTest('a refusal stands at its field, and changes are guarded', async (page) => {
  page.expectRefusal(400, '/templates')
  await page.goto(inProject('/templates/new'))
  await page.getByLabel('Name', { exact: true }).fill('Wrong')
  await page.getByLabel('Application').click()
  await page.getByRole('option', { name: 'Shell script' }).click()
  await page.getByLabel('Script', { exact: true }).fill('../outside.sh')
  await chooseRepository(page)
  await page.getByRole('button', { name: 'Create template' }).click()
  await page.locator('[aria-invalid=true]').waitFor()
  await page.getByRole('link', { name: 'Templates' }).first().click()
  await page.getByRole('button', { name: 'Discard' }).click()
  await page.waitForURL(inProject('/templates'))
})

pageTest('a change made elsewhere is shown before it is overwritten', async (page) => {
  page.expectRefusal(412, '/templates')
  const made = await world.api('POST', noun('templates'), await body('Shared'))
  await page.goto(inProject(`/templates/${made.id}/edit`))
  await page.getByLabel('Name', { exact: true }).fill('Mine')
  const theirs = { ...(await body('Theirs')), id: made.id, project_id: world.project }
  await world.api('PUT', noun(`templates/${made.id}`), theirs)
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('The template was changed meanwhile.').waitFor()
  await page.getByRole('button', { name: 'Show the new version' }).click()
  await page
    .locator('input')
    .and(page.getByLabel('Name', { exact: true }))
    .waitFor()
  await page.waitForFunction(() => document.querySelector('form input')?.value === 'Theirs')
})

for (const look of [{}, { dark: true }, { phone: true }]) {
  pageTest(`axe finds nothing in templates ${JSON.stringify(look)}`, look, async (page) => {
    await page.goto(inProject('/templates'))
    await page.getByText('Ping localhost').locator('visible=true').first().waitFor()
    await checkAccess(page)
    await page.goto(inProject(`/templates/${await template('Ping localhost')}`))
    await page.getByText('History').first().waitFor()
    await checkAccess(page)
    await page.goto(inProject('/templates/new'))
    await page.getByRole('button', { name: 'Add a variable' }).click()
    await checkAccess(page)
  })
}
