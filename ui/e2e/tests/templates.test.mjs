import assert from 'node:assert/strict'
import { checkAccess } from '../lib/axe.mjs'
import { PLAYBOOK } from '../lib/logs.mjs'
import { go, inProject, pageTest } from '../lib/page.mjs'
import { addTemplate, demoFiles, ended, reaches, slow, start } from '../lib/runs.mjs'
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

/** Wait until the form shows a template that is called *name*. */
function holds(page, name) {
  return page.waitForFunction(
    (wanted) => [...document.querySelectorAll('input')].some((each) => each.value === wanted),
    name,
  )
}

async function chooseRepository(page) {
  await page.getByLabel('Repository').click()
  await page.getByRole('option', { name: 'Demo files' }).click()
}

pageTest('a list shows the last run at once, and its end', async (page) => {
  await page.goto(inProject('/templates?q=Ping'))
  const row = page.getByRole('row', { name: /Ping localhost/ })
  await row.waitFor()
  const task = await start('Ping localhost')
  await row.getByText(/Queued|Starting|Running/).waitFor()
  await ended(task)
  await row.getByText('Success').waitFor()
})

pageTest('another template, and the form of another one, replace the former', async (page) => {
  const [first, second] = await Promise.all(['Ping localhost', 'Failing script'].map(template))
  const title = (name) => page.getByRole('heading', { level: 1, name })
  await page.goto(inProject(`/templates/${first}`))
  await title('Ping localhost').waitFor()
  await go(page, inProject(`/templates/${second}`))
  await title('Failing script').waitFor()
  await go(page, inProject(`/templates/${first}/edit`))
  await holds(page, 'Ping localhost')
  await go(page, inProject(`/templates/${second}/edit`))
  await holds(page, 'Failing script')
  await page.goBack()
  await holds(page, 'Ping localhost')
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

pageTest('a view is hidden, and has an order of its own', async (page) => {
  const view = await world.api('POST', noun('views'), { title: 'Sorted', position: 3 })
  for (const [name, playbook] of [
    ['Sort A', 'disk-usage.sh'],
    ['Sort B', 'a.sh'],
  ]) {
    await world.api('POST', noun('templates'), await body(name, { view_id: view.id, playbook }))
  }
  await page.goto(inProject(`/templates?view=${view.id}`))
  const rows = page.locator('tbody tr')
  await rows.first().getByText('Sort A').waitFor()
  await page.getByRole('button', { name: 'Edit views' }).click()
  const panel = page.getByRole('dialog', { name: 'Edit views' })
  await panel.getByLabel('Order of Sorted').click()
  await page.getByRole('option', { name: 'Playbook', exact: true }).click()
  await checkAccess(page)
  await panel.getByRole('button', { name: 'Save' }).click()
  await rows.first().getByText('Sort B').waitFor()
  await page.getByRole('button', { name: 'Edit views' }).click()
  await panel.getByRole('button', { name: 'Hide Sorted' }).click()
  await panel.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('tab', { name: /Sorted/ }).waitFor({ state: 'detached' })
  await page.getByRole('tab', { name: /All/, selected: true }).waitFor()
})

pageTest('a template has several variable groups and a vault script', async (page) => {
  const groups = []
  for (const name of ['Common', 'Fast <b>']) {
    groups.push((await world.api('POST', noun('environment'), { name, json: '{}' })).id)
  }
  const all = await world.api('GET', noun('inventory'))
  const own = all.find((each) => each.type.startsWith('static')).id
  const made = await addTemplate('Grouped', PLAYBOOK, { app: 'ansible', inventory_id: own })
  const number = made?.id ?? (await template('Grouped'))
  await page.goto(inProject(`/templates/${number}/edit`))
  await page.getByLabel('Variables').click()
  await page.getByRole('option', { name: 'Common' }).click()
  await page.getByRole('button', { name: 'Add another group' }).click()
  await page.getByLabel('Variable group 2').click()
  await page.getByRole('option', { name: 'Fast <b>' }).click()
  await page.getByRole('button', { name: 'Move Fast <b> up' }).click()
  await page.getByText('A later group wins').waitFor()
  await page.getByRole('button', { name: 'Add a vault password' }).click()
  await page.getByLabel('From').click()
  await page.getByRole('option', { name: 'Script' }).click()
  await page.getByLabel('Path in the repository').last().fill('vault/password.sh')
  await checkAccess(page)
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Fast <b>, Common').waitFor()
  const stored = await world.api('GET', noun(`templates/${number}`))
  assert.deepEqual(stored.environment_ids, groups.reverse())
  assert.deepEqual(
    stored.vaults.map((each) => [each.type, each.script]),
    [['script', 'vault/password.sh']],
  )
})

pageTest('a build is deployed, and its page says which version is where', async (page) => {
  const build = await world.api('POST', noun('templates'), await body('Build it'))
  await page.goto(inProject(`/templates/${build.id}/edit`))
  await page.getByLabel('Kind', { exact: true }).click()
  await page.getByRole('option', { name: 'Build' }).click()
  await page.getByLabel('First version').fill('2.0.7')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('History').first().waitFor()
  await page.goto(inProject('/templates/new'))
  await page.getByLabel('Name', { exact: true }).fill('To staging')
  await page.getByLabel('Application').click()
  await page.getByRole('option', { name: 'Shell script' }).click()
  await page.getByLabel('Script', { exact: true }).fill('disk-usage.sh')
  await chooseRepository(page)
  await page.getByLabel('Kind', { exact: true }).click()
  await page.getByRole('option', { name: 'Deploy' }).click()
  await page.getByLabel('Deploys the versions of').click()
  await page.getByRole('option', { name: 'Build it' }).click()
  await page.getByLabel('Start it when the one before has succeeded').check()
  await page.getByRole('button', { name: 'Create template' }).click()
  await page.getByRole('heading', { name: 'To staging' }).waitFor()
  await page.goto(inProject(`/templates/${build.id}`))
  const where = page.getByRole('region', { name: 'Which version is where' })
  await where.getByText('nothing yet').waitFor()
  await start('Build it')
  await where.getByText('2.0.7').waitFor({ timeout: 60_000 })
  await where.getByText('newest').waitFor()
  await checkAccess(page)
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

pageTest('a survey asks for each kind of answer, within its limits', async (page) => {
  const made = await world.api('POST', noun('templates'), await body('Asks'))
  await page.goto(inProject(`/templates/${made.id}/edit`))
  const add = async (name, kind) => {
    await page.getByRole('button', { name: 'Add a variable' }).click()
    const item = page.locator('.survey').last()
    await item.getByLabel('Variable', { exact: true }).fill(name)
    await item.getByLabel('Kind').click()
    await page.getByRole('option', { name: kind, exact: true }).click()
    return item
  }
  const count = await add('count', 'Integer')
  await count.getByLabel('At least').fill('1')
  await count.getByLabel('At most').fill('9')
  const parts = await add('parts', 'Several choices')
  await parts.getByLabel('Choices', { exact: true }).fill('web\ndb\ncache')
  await parts.getByLabel('Help').focus()
  await parts.getByLabel('Default').click()
  await page.getByRole('option', { name: 'db' }).click()
  await page.keyboard.press('Escape')
  await add('clean', 'Yes or no')
  await add('day', 'Date')
  await add('notes', 'Long text')
  const release = await add('release', 'Text')
  await release.getByLabel('Regular expression').fill('v[0-9]+')
  await checkAccess(page)
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('History').first().waitFor()
  const stored = await world.api('GET', noun(`templates/${made.id}`))
  assert.deepEqual(
    stored.survey_vars.map((each) => [each.name, each.type, each.default_value]),
    [
      ['count', 'int', ''],
      ['parts', 'select', ['db']],
      ['clean', 'bool', ''],
      ['day', 'date', ''],
      ['notes', 'text', ''],
      ['release', '', ''],
    ],
  )
  page.expectRefusal(400, '/preview')
  await page.getByRole('button', { name: 'Run', exact: true }).first().click()
  const dialog = page.getByRole('dialog', { name: 'Run Asks' })
  await dialog.getByText('1 to 9').waitFor()
  await dialog.getByLabel('count').fill('10')
  await dialog.getByLabel('release').fill('1')
  await dialog.getByLabel('parts').click()
  await page.getByRole('option', { name: 'web' }).click()
  await page.keyboard.press('Escape')
  await dialog.getByText('Yes', { exact: true }).click()
  await dialog.getByLabel('day').fill('2026-12-31')
  await dialog.getByLabel('notes').fill('one\ntwo')
  const run = dialog.getByRole('button', { name: 'Run', exact: true })
  await run.click()
  await dialog.getByText('The answer is not within its limits.').waitFor()
  await dialog.getByLabel('count').fill('9')
  await dialog.getByText('The answer does not have the expected form.').waitFor()
  await checkAccess(page)
  await dialog.getByLabel('release').fill('v1')
  await dialog.getByText('release=v1').waitFor()
  await run.click()
  await page.waitForURL(/\/tasks\/\d+$/)
  const [task] = await world.api('GET', noun(`templates/${made.id}/tasks/last?limit=1`))
  assert.deepEqual(JSON.parse(task.environment), {
    count: 9,
    parts: ['db', 'web'],
    clean: true,
    day: '2026-12-31',
    notes: 'one\ntwo',
    release: 'v1',
  })
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

pageTest('several templates run; one that needs an answer is refused by name', async (page) => {
  const fields = { survey_vars: [{ name: 'where', title: 'Where?', required: true }] }
  await world.api('POST', noun('templates'), { ...(await body('Bulk needs an answer')), ...fields })
  await world.api('POST', noun('templates'), await body('Bulk runs at once'))
  await page.goto(inProject('/templates?q=Bulk'))
  const box = (name) => page.getByRole('checkbox', { name: `Select ${name}`, exact: true })
  await box('Bulk runs at once').press('Space')
  await page.getByText('1 selected').waitFor()
  await box('Bulk needs an answer').click()
  await page.getByText('2 selected').waitFor()
  await checkAccess(page)
  await page.getByRole('button', { name: 'Run 2' }).click()
  const dialog = page.getByRole('dialog')
  await dialog
    .getByText('1 asks for an answer, so it will not start: Bulk needs an answer')
    .waitFor()
  await dialog.getByRole('button', { name: 'Run 2' }).click()
  await page.getByText('1 of 2 done').waitFor()
  await page.getByRole('listitem').filter({ hasText: 'Bulk needs an answer' }).last().waitFor()
  await checkAccess(page)
  await page.getByRole('button', { name: 'Close' }).click()
  const started = await template('Bulk runs at once')
  const tasks = await world.api('GET', noun(`templates/${started}/tasks/last`))
  assert.equal(tasks.length, 1)
})

pageTest('all tasks of a template are stopped from its menu', async (page) => {
  await addTemplate('Slow template', slow(60))
  const task = await start('Slow template')
  await reaches(task, 'running')
  await page.goto(inProject('/templates?q=Slow%20template'))
  await page.getByRole('button', { name: 'More for Slow template' }).click()
  await page.getByRole('menuitem', { name: 'Stop all' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('Stop 1 task of Slow template?').waitFor()
  await dialog.getByRole('button', { name: 'Stop all' }).click()
  await reaches(task, 'stopped')
})

pageTest('templates are chosen on a phone', { phone: true }, async (page) => {
  await page.goto(inProject('/templates?q=Ping')) // few rows: none is below the bar
  await page.getByRole('button', { name: 'Select', exact: true }).click()
  await page.getByRole('checkbox', { name: 'Select Ping localhost' }).click()
  await page.getByRole('button', { name: 'Run 1' }).waitFor()
  await checkAccess(page)
  await page.keyboard.press('Escape')
})

for (const look of [{}, { phone: true }]) {
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

pageTest('a select without entries says so, and leads to where one is made', async (page) => {
  const { id } = await world.api('POST', '/projects', { name: 'Nothing yet' })
  for (const each of await world.api('GET', `/project/${id}/environment`)) {
    await world.api('DELETE', `/project/${id}/environment/${each.id}`)
  }
  const here = (path) => `${world.url}/project/${id}${path}`
  await page.goto(here('/templates/new'))
  await page.getByLabel('Name', { exact: true }).fill('kept')
  for (const noun of ['repository', 'inventory', 'variable group']) {
    await page.getByText(`This project has no ${noun} yet.`).waitFor()
  }
  await page.getByText('This project has no such key yet.').waitFor()
  await checkAccess(page)
  const opening = page.context().waitForEvent('page')
  const reason = page.getByText('This project has no repository yet.')
  await reason.getByRole('link', { name: 'Add one in a new tab' }).click()
  const tab = await opening
  await tab.getByRole('dialog').getByLabel('Name', { exact: true }).waitFor()
  assert.equal(tab.url(), here('/repositories?add=1'))
  await tab.close()
  await world.api('POST', `/project/${id}/repositories`, {
    name: 'made meanwhile',
    git_url: 'https://git.example.org/a.git',
    git_branch: 'main',
    ssh_key_id: (await world.api('GET', `/project/${id}/keys`))[0].id,
  })
  await page.getByLabel('Repository').click()
  await page.getByRole('option', { name: 'made meanwhile' }).click()
  assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'kept')

  await page.goto(here('/schedules?schedule=new'))
  await page.getByRole('dialog').getByText('This project has no template yet.').waitFor()
  await checkAccess(page)
  await page.goto(here('/integrations/new'))
  await page.getByText('This project has no template yet.').waitFor()
  await world.api('DELETE', `/project/${id}`)
})
