import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { checkAccess } from '../lib/axe.mjs'
import { gitFolder } from '../lib/gitfolder.mjs'
import { inProject, pageTest } from '../lib/page.mjs'
import { become } from '../lib/people.mjs'
import { NETWORK, waiting } from '../lib/plans.mjs'
import { api, demoFiles, template } from '../lib/runs.mjs'

async function open(page, task, query = '') {
  await page.goto(inProject(`/tasks/${task.id}${query}`))
  await page.locator('.th1').waitFor()
}
const row = (page, address) => page.locator('.prow', { hasText: address }).first()
const head = (page, address) => row(page, address).getByRole('button').first()
const planOf = (task) => api('GET', `/tasks/${task.id}/plan`)

pageTest('a plan waits as a list of changes, and is approved with a comment', async (page) => {
  const task = await waiting('Network')
  await open(page, task)
  await page.getByText('Waits for approval').waitFor()
  const titles = await page.locator('.plist > .sec').allInnerTexts()
  assert.deepEqual(
    titles.map((each) => each.replace(/\s+/g, ' ')),
    ['− Destroy 1', '~ Change 1', '+ Create 3', 'Outputs 1'],
  )
  // what is dangerous is open; before and after
  await row(page, 'egress_old').getByText('"203.0.113.44"').waitFor()
  const firewall = row(page, 'k8s_workers')
  await firewall.getByText('in place, 3 of 12 attributes').waitFor()
  assert.equal(
    (await firewall.locator('dd').first().innerText()).replace(/\s+/g, ' '),
    '["10.30.4.0/24"] → becomes ["10.30.0.0/22"]',
  )
  await firewall.getByText('(sensitive value)').waitFor()
  await row(page, 'k8s_pods').getByText('(known after apply)').first().waitFor()
  await page.locator('.decision').getByText('1 resource is destroyed.').waitFor()
  await page.getByText('Without a decision the task fails on').waitFor()
  await checkAccess(page)
  const steps = page.locator('.steps li')
  assert.equal(await steps.count(), 6)
  await steps.nth(4).getByText('Approval').waitFor()

  await page.getByLabel('Comment').fill('as agreed')
  await page.getByRole('button', { name: 'Approve: destroy 1, change 1, create 3' }).click()
  await page.getByRole('button', { name: 'Plan', exact: true }).waitFor() // the log is shown
  const { decision } = await planOf(task)
  assert.deepEqual([decision.approved, decision.comment], [true, 'as agreed'])
  await page.getByRole('button', { name: 'Plan', exact: true }).click()
  await page.getByText('Approved by Administrator').waitFor()
  await page.getByText('as agreed').waitFor()
  await checkAccess(page)
})

pageTest('changes are found, and opened by the keyboard', async (page) => {
  const task = await waiting('Network')
  await open(page, task)
  const large = head(page, 'hcloud_floating_ip.egress')
  await page.getByLabel('Filter by address').fill('FLOATING egress')
  await page.getByText('k8s_workers').waitFor({ state: 'detached' })
  const last = page.locator('.prow').last().getByRole('button').first()
  assert.equal(await last.getAttribute('aria-expanded'), 'false')
  await last.focus()
  await page.keyboard.press('Enter')
  assert.equal(await last.getAttribute('aria-expanded'), 'true')
  const all = page.locator('.prow').last().locator('dl > div')
  assert.equal(await all.count(), 8)
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter') // 2 more attributes
  assert.equal(await all.count(), 10)
  await page.getByRole('button', { name: 'Close all' }).click()
  assert.equal(await large.getAttribute('aria-expanded'), 'false')
  await page.getByLabel('Filter by address').fill('')
  await page.getByRole('button', { name: 'Open all' }).click()
  assert.equal(await page.locator('.phead[aria-expanded=true]').count(), NETWORK.changes.length)
  await page.getByLabel('Filter by address').fill('nothing like this')
  await page.getByText('No change has these words in its address.').waitFor()
})

pageTest('a plan is rejected on a phone, from the sheet', { phone: true }, async (page) => {
  const task = await waiting('Network')
  await open(page, task)
  await page.getByRole('button', { name: 'Approve, destroys 1…' }).waitFor()
  await page.getByText('1 resource is destroyed.').first().waitFor()
  await checkAccess(page)
  await page.getByRole('button', { name: 'Reject…' }).click()
  const sheet = page.getByRole('dialog')
  await sheet.getByLabel('Comment').fill('not today')
  await checkAccess(page)
  await sheet.getByRole('button', { name: 'Reject plan' }).click()
  await sheet.waitFor({ state: 'detached' })
  const { decision } = await planOf(task)
  assert.deepEqual([decision.approved, decision.comment], [false, 'not today'])
})

pageTest('a rejected plan and a run that destroys are marked in lists', async (page) => {
  const { id } = await waiting('Network', NETWORK, 'error')
  await page.route(/\/tasks\?/, async (route) => {
    const response = await route.fetch()
    const marked = (await response.json()).map((each) =>
      each.id === id ? { ...each, destroys: true, rejected_by: 'Bob' } : each,
    )
    await route.fulfill({ response, json: marked })
  })
  await page.goto(inProject('/tasks'))
  const row = page.getByRole('row').filter({ hasText: `#${id}` })
  await row.getByText('Rejected').waitFor()
  await row.getByText('destroys').waitFor()
  assert.equal(await row.getByText('Failed').count(), 0)
  await checkAccess(page)
})

pageTest('who decides second is told who was first', async (page) => {
  const task = await waiting('Network')
  await open(page, task)
  await page.getByLabel('Comment').waitFor()
  page.expectRefusal(409, '/confirm')
  await page.route('**/confirm', async (route) => {
    await api('POST', `/tasks/${task.id}/reject`, { comment: 'too late' })
    await route.continue()
  })
  await page.getByRole('button', { name: /^Approve:/ }).click()
  await page.getByText('Rejected by Administrator').first().waitFor()
  await page.getByText('too late').waitFor()
  assert.equal((await planOf(task)).decision.approved, false)
})

pageTest('a plan of a state that has changed is not approved, but planned again', async (page) => {
  const task = await waiting('Network')
  await page.route(`**/tasks/${task.id}/plan`, async (route) => {
    const response = await route.fetch()
    await route.fulfill({ response, json: { ...(await response.json()), moved_to: 119 } })
  })
  await open(page, task)
  await page.getByText('made from serial 118, and the state has serial 119 now').waitFor()
  assert.ok(await page.getByRole('button', { name: /^Approve:/ }).isDisabled())
  assert.equal(await page.getByText('This plan and no other').count(), 0)
  await checkAccess(page)
  await page.getByRole('button', { name: 'Reject and run again' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Run', exact: true }).waitFor()
  assert.equal((await planOf(task)).decision.approved, false)
})

pageTest('a list that is not complete says so, and leads to the log', async (page) => {
  const plan = { add: 0, change: 0, destroy: 0, unchanged: 0, serial: null, changes: [] }
  const problem = 'The plan has 9000000 bytes of JSON; at most 8388608 are read.'
  const task = await waiting('Large', { ...plan, outputs: [], complete: false, problem })
  await open(page, task)
  await page.getByText('No list of changes').waitFor()
  const pane = page.locator('.decision')
  await pane.getByText(problem).waitFor()
  await page.getByRole('button', { name: 'Approve what the log shows' }).waitFor()
  await checkAccess(page)
  await pane.getByRole('button', { name: 'Read the log' }).click()
  await page.locator('.panes').waitFor()
})

pageTest('a guest sees the plan, and waits for others', async (page) => {
  const task = await waiting('Network')
  await become(page, 'guest')
  await open(page, task)
  await page.getByText('Your role does not permit to approve or reject.').waitFor()
  assert.equal(await page.getByRole('button', { name: /^Approve/ }).count(), 0)
  await page.goto(inProject('/tasks'))
  await page.getByText('Waiting', { exact: true }).first().waitFor()
})

pageTest('the dashboard counts what waits, and leads to the plan', async (page) => {
  const task = await waiting('Needy')
  await page.goto(inProject('/templates'))
  const entry = page
    .getByRole('navigation')
    .getByRole('link', { name: /^Dashboard/ })
    .first()
  await entry.getByText(/^\d+$/).waitFor()
  await page.goto(inProject())
  const needs = page.getByRole('region', { name: 'Needs you' })
  await needs
    .locator('.row2', { hasText: `#${task.id}` })
    .getByRole('link', { name: 'Review plan' })
    .click()
  await page.getByRole('button', { name: /^Approve:/ }).waitFor()
  assert.ok(await template('Needy'))
})

const MAIN = `variable "who" {
  default = "all"
}
resource "terraform_data" "greeting" {
  input = "hello \${var.who}"
}
output "greeting" {
  value = terraform_data.greeting.output
}
`

/** Whether there is a Terraform whose own resource needs no provider: 1.4 and newer. */
function hasTerraform() {
  try {
    const text = execFileSync('terraform', ['version', '-json'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const [major, minor] = JSON.parse(text).terraform_version.split('.').map(Number)
    return major > 1 || minor >= 4
  } catch {
    return false
  }
}

const whenTerraform = hasTerraform()
  ? pageTest
  : (name) => test(`plan: ${name}`, { skip: 'needs terraform 1.4 or newer on PATH' }, () => {})

whenTerraform('a template of Terraform is made, run, approved and destroyed', async (page) => {
  const folder = gitFolder('network', { 'net/main.tf': MAIN })
  const like = await demoFiles()
  await api('POST', '/repositories', {
    name: 'Network code',
    git_url: folder,
    git_branch: 'main',
    ssh_key_id: like.ssh_key_id,
  })
  await page.goto(inProject('/templates/new'))
  await page.getByLabel('Name', { exact: true }).fill('Real network')
  await page.getByLabel('Application').click()
  await page.getByRole('option', { name: 'Terraform', exact: true }).click()
  await page.getByLabel('Directory').fill('net')
  await page.getByLabel('Repository').click()
  await page.getByRole('option', { name: 'Network code' }).click()
  await page.getByRole('checkbox', { name: 'To destroy everything' }).check()
  await page.getByLabel('For plan').fill('-parallelism=5')
  await checkAccess(page)
  await page.getByRole('button', { name: 'Create template' }).click()
  await page.getByRole('button', { name: 'Run', exact: true }).first().click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('plan, approval, apply').waitFor()
  await dialog.locator('.cmd').getByText('-parallelism=5').waitFor()
  await dialog.getByRole('button', { name: 'Run', exact: true }).click()

  await page.getByText('Waits for approval').waitFor({ timeout: 60_000 })
  await page.locator('.figures').getByText('1 to create').waitFor()
  await row(page, 'terraform_data.greeting').getByText('"hello all"').waitFor()
  await page.getByLabel('Comment').fill('first one')
  await page.getByRole('button', { name: 'Approve: create 1' }).click()
  await page.getByText(/^Succeeded (after|in less)/).waitFor({ timeout: 60_000 })
  await page.getByText('Apply complete! Resources: 1 added').first().waitFor()
  await page.getByRole('button', { name: 'Plan', exact: true }).click()
  await page.getByText('Approved by Administrator').waitFor()

  await page.getByRole('button', { name: 'Run again' }).click()
  await dialog.getByRole('button', { name: /^Options/ }).click()
  await dialog.getByLabel('Destroy everything').check()
  await checkAccess(page)
  await dialog.getByRole('button', { name: 'Run', exact: true }).click()
  await page.getByText('Waits for approval').waitFor({ timeout: 60_000 })
  await page.locator('.decision').getByText('1 resource is destroyed.').waitFor()
  await page.getByRole('button', { name: 'Reject plan' }).click()
  await page.getByText(/^(Failed|Stopped) (after|in less)/).waitFor({ timeout: 60_000 })
  await page.getByRole('button', { name: 'Plan', exact: true }).click()
  await page.getByText('Rejected by Administrator').first().waitFor()
})
