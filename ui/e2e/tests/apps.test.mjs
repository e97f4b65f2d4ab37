import assert from 'node:assert/strict'
import { checkAccess } from '../lib/axe.mjs'
import { pageTest } from '../lib/page.mjs'
import { become } from '../lib/people.mjs'
import { addTemplate } from '../lib/runs.mjs'
import { world } from '../lib/world.mjs'

const at = (path) => `${world.url}/admin${path}`
const app = (id) => world.api('GET', `/apps/${id}`)
const details = async (id) => (await world.api('GET', '/admin/apps')).find((each) => each.id === id)

pageTest('an application is added, changed, switched off and deleted', async (page) => {
  page.expectRefusal(400, '/api/apps/perl')
  await page.goto(at('/apps'))
  await page.getByRole('row', { name: /Ansible Playbook/ }).waitFor()
  await page.getByRole('button', { name: 'Add application' }).click()
  const panel = page.getByRole('dialog')
  const add = panel.getByRole('button', { name: 'Add application' })
  assert.ok(await add.isDisabled())
  await panel.getByLabel('Id').fill('Bash')
  await panel.getByText('There is an application with this id: Bash').waitFor()
  assert.ok(await add.isDisabled(), 'the application Bash would be changed')
  await panel.getByLabel('Id').fill('perl')
  await panel.getByLabel('Name').fill('Perl')
  await panel.getByLabel('Program').fill('bin/perl')
  await panel.getByLabel('Arguments before the file').fill('-w\n-T\n')
  await add.click()
  await panel.getByText('expected the absolute path of a program').waitFor()
  await panel.getByLabel('Program').fill('/usr/bin/perl')
  await add.click()
  const row = page.getByRole('row', { name: /Perl/ })
  await row.getByText('/usr/bin/perl').waitFor()
  await row.getByText('own').waitFor()
  assert.deepEqual((await app('perl')).args, ['-w', '-T'])

  const made = await addTemplate('Runs Perl', 'print 1;\n', { app: 'perl' })
  await row.getByRole('cell', { name: '1', exact: true }).waitFor()
  await page.getByRole('button', { name: 'Perl', exact: true }).click()
  await panel.getByText('1 template runs it').waitFor()
  assert.ok(await panel.getByRole('button', { name: 'Delete' }).isDisabled())
  await panel.getByLabel('Priority').fill('5000')
  await panel.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('row').nth(1).getByText('Perl').first().waitFor()
  assert.deepEqual(await details('perl').then((each) => each.changed.sort()), [
    'args',
    'path',
    'priority',
    'title',
  ])

  const onOff = page.getByRole('switch', { name: 'Perl is on' })
  await onOff.press('Space')
  const effect = page.getByText('1 template runs it, and cannot start until it is on again')
  await effect.waitFor()
  await page.keyboard.press('Escape')
  await effect.waitFor({ state: 'detached' })
  assert.ok(await onOff.evaluate((each) => each === document.activeElement))
  await onOff.click()
  await effect.waitFor()
  await page.getByRole('button', { name: 'Switch off' }).click()
  await page.locator('[role=switch][aria-checked=false][aria-label="Perl is on"]').waitFor()
  assert.equal((await app('perl')).active, false)

  await world.api('DELETE', `/project/${world.project}/templates/${made.id}`)
  await page.reload()
  await page.getByRole('button', { name: 'Perl', exact: true }).click()
  await panel.getByRole('button', { name: 'Delete' }).click()
  await page.getByText('No template runs it').waitFor()
  await page.getByRole('button', { name: 'Delete the application' }).click()
  await page.getByRole('row', { name: /Perl/ }).waitFor({ state: 'detached' })
  assert.equal(await details('perl'), undefined)
})

pageTest('a known application is changed and reset; a missing program says how', async (page) => {
  const usual = await app('pulumi')
  await page.goto(at('/apps'))
  const row = page.getByRole('row', { name: /Pulumi/ })
  await row.getByText('pulumi is missing; install it with').waitFor()
  await page.getByRole('button', { name: 'Pulumi', exact: true }).click()
  const panel = page.getByRole('dialog')
  await panel.getByLabel('Name').fill('Infrastructure')
  await panel.getByRole('button', { name: 'Save' }).click()
  const changed = page.getByRole('row', { name: /Infrastructure/ })
  await changed.getByText('changed').waitFor()
  assert.deepEqual((await details('pulumi')).changed, ['title'])
  await page.getByRole('button', { name: 'Infrastructure', exact: true }).click()
  await panel.getByRole('button', { name: 'Reset' }).click()
  await page.getByText('are the usual ones again').waitFor()
  await page.getByRole('button', { name: 'Reset' }).last().click()
  await changed.waitFor({ state: 'detached' })
  assert.deepEqual(await app('pulumi'), usual)
})

pageTest('an option is set, changed and given up', async (page) => {
  page.expectRefusal(400, '/api/options')
  await page.goto(at('/options'))
  await page.getByText('No option is set').waitFor()
  await page.getByRole('button', { name: 'Set option' }).click()
  const panel = page.getByRole('dialog')
  await panel.getByLabel('Setting').click()
  await page.getByRole('option', { name: 'priority' }).click()
  await panel.getByText('The key is apps.ansible.priority').waitFor()
  await panel.getByLabel('Value').fill('high')
  await panel.getByRole('button', { name: 'Set option' }).click()
  await panel.getByText('expected a whole number').waitFor()
  await panel.getByLabel('Value').fill('1500')
  await panel.getByRole('button', { name: 'Set option' }).click()
  const row = page.getByRole('listitem').filter({ hasText: 'apps.ansible.priority' })
  await row.getByText('1500').waitFor()
  assert.equal((await app('ansible')).priority, 1500)
  await row.getByRole('button', { name: 'apps.ansible.priority' }).click()
  await panel.getByLabel('Value').fill('1600')
  await panel.getByRole('button', { name: 'Save' }).click()
  await row.getByText('1600').waitFor()
  await row.getByRole('button', { name: 'Reset' }).click()
  await page.getByText('has the usual value again').waitFor()
  await page.getByRole('button', { name: 'Reset' }).last().click()
  await page.getByText('No option is set').waitFor()
  assert.deepEqual(await world.api('GET', '/options'), {})
})

pageTest('hostile titles are only text', async (page) => {
  await world.api('POST', '/apps/hostile', { title: '<img src=x onerror=alert(1)>' })
  await page.goto(at('/apps?q=onerror'))
  await page.getByRole('row', { name: /<img src=x/ }).waitFor()
  assert.equal(await page.locator('main img').count(), 0)
  await world.api('DELETE', '/apps/hostile')
})

for (const look of [{}, { phone: true }]) {
  pageTest(
    `axe finds nothing in applications and options ${JSON.stringify(look)}`,
    look,
    async (page) => {
      await page.goto(at('/apps'))
      await page.getByText('pulumi is missing').locator('visible=true').first().waitFor()
      await checkAccess(page)
      await page.goto(at('/apps?app=bash'))
      await page.getByRole('dialog').getByLabel('Program').waitFor()
      await checkAccess(page)
      await page.goto(at('/options?add=1'))
      await page.getByRole('dialog').getByLabel('Value').waitFor()
      await checkAccess(page)
    },
  )
}

pageTest(
  'a missing program says how in the language of the reader',
  { language: 'de' },
  async (page) => {
    await page.goto(at('/apps'))
    const row = page.getByRole('row', { name: /Pulumi/ })
    await row.getByText('zu installieren mit dem Archiv von pulumi.com').waitFor()
  },
)

pageTest('templates of an application that is off, or not installed, are marked', async (page) => {
  const perl = { title: 'Perl', path: '/usr/bin/perl' }
  await world.api('POST', '/apps/perl', perl)
  const { id } = await addTemplate('Perl here', 'print 1;\n', { app: 'perl' })
  const list = `${world.url}/project/${world.project}/templates`
  await page.goto(`${list}?q=Perl+here`)
  const row = page.getByRole('row', { name: /Perl here/ })
  await row.waitFor()
  assert.equal(await row.getByText(/switched off|not installed/).count(), 0)
  await world.api('PUT', '/apps/perl', { path: '/opt/none/perl' })
  await row.getByText('not installed').waitFor()
  await world.api('POST', '/apps/perl/active', { active: false })
  await row.getByText('switched off').waitFor()
  await checkAccess(page)
  await page.goto(`${list}/${id}`)
  await page.getByText('The application Perl is switched off or was deleted').waitFor()
  await checkAccess(page)
  await page.getByRole('link', { name: 'To the application' }).click()
  await page.getByRole('dialog').getByLabel('Program').waitFor()
  await world.api('POST', '/apps/perl', { ...perl, active: true })
  await page.goto(`${list}/${id}`)
  await page.getByRole('heading', { name: 'History' }).waitFor()
  await page.getByText('is switched off or was deleted').waitFor({ state: 'detached' })
})

pageTest(
  'a user sees that an application is off on a phone',
  { login: false, phone: true },
  async (page) => {
    await world.api('POST', '/apps/perl', { title: 'Perl', path: '/usr/bin/perl', active: true })
    await addTemplate('Perl on a phone', 'print 1;\n', { app: 'perl' })
    await world.api('POST', '/apps/perl/active', { active: false })
    await become(page, 'task_runner')
    await page.goto(`${world.url}/project/${world.project}/templates?q=Perl+on`)
    await page.getByText('switched off').waitFor()
    await checkAccess(page)
    await page.getByText('Perl on a phone').click()
    await page.getByText('is switched off or was deleted').waitFor()
    assert.equal(await page.getByRole('link', { name: 'To the application' }).count(), 0)
  },
)
