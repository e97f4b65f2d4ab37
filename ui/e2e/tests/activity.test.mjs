import assert from 'node:assert/strict'
import { checkAccess } from '../lib/axe.mjs'
import { inProject, pageTest } from '../lib/page.mjs'
import { api } from '../lib/runs.mjs'
import { world } from '../lib/world.mjs'

const addKey = (name) => api('POST', '/keys', { name, type: 'string', string: 'x' })
const list = (page) => page.getByRole('list', { name: 'Activity' })

pageTest('events are searched, and the search is in the address', async (page) => {
  await addKey('quite unusual')
  await page.goto(inProject('/activity'))
  await list(page).getByText('Access Key quite unusual created').waitFor()
  await page.getByRole('textbox', { name: 'Search in what happened' }).fill('unusual')
  await page.waitForURL(/q=unusual/)
  await page.waitForFunction(() => document.querySelectorAll('main li').length === 1)
  await page.reload()
  await list(page).getByText('Access Key quite unusual created').waitFor()
  await page.getByRole('textbox', { name: 'Search in what happened' }).fill('nothing has this')
  await page.getByText('No event matches').waitFor()
  await page.getByRole('button', { name: 'Show all' }).click()
  await list(page).waitFor()
})

pageTest('an event appears, but moves no row under the pointer', async (page) => {
  await addKey('before')
  await page.goto(inProject('/activity'))
  const first = list(page).getByRole('listitem').first()
  await first.getByText('Access Key before created').waitFor()
  await page.mouse.move(600, 120)
  await page.mouse.move(600, 125)
  await new Promise((resolve) => setTimeout(resolve, 1100)) // events are told apart by second
  await addKey('meanwhile')
  await page.getByText('1 new').waitFor()
  assert.match(await first.textContent(), /before/)
  await page.mouse.move(100, 700)
  await first.getByText('Access Key meanwhile created').waitFor()
})

pageTest('older events have an address', async (page) => {
  for (let i = 0; i < 105; i++) await addKey(`many ${i}`)
  await page.goto(inProject('/activity?q=many'))
  await list(page).getByText('Access Key many 104 created').waitFor()
  await page.getByRole('link', { name: 'Older' }).click()
  await list(page).getByText('Access Key many 0 created').waitFor()
  assert.match(page.url(), /before=\d+/)
  await page.goBack()
  await list(page).getByText('Access Key many 104 created').waitFor()
})

pageTest('administrators see the events of the installation', async (page) => {
  await addKey('<img src=x onerror=alert(1)>')
  await page.goto(`${world.url}/admin/activity`)
  const row = list(page).getByRole('listitem').filter({ hasText: '<img src=x' })
  await row.getByText('Demo').waitFor()
  assert.equal(await page.locator('main img').count(), 0)
})

for (const look of [{}, { phone: true }]) {
  pageTest(`axe finds nothing in the activity ${JSON.stringify(look)}`, look, async (page) => {
    await page.goto(inProject('/activity?q=quite'))
    await list(page).getByRole('listitem').first().waitFor()
    await checkAccess(page)
  })
}
