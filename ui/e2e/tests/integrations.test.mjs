import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { checkAccess } from '../lib/axe.mjs'
import { inProject, pageTest } from '../lib/page.mjs'
import { addTemplate, api, template as existing, until } from '../lib/runs.mjs'
import { world } from '../lib/world.mjs'

const SECRET = 'quiet words of a sender'
const SCRIPT = '#!/bin/bash\necho "ref $1"\n'
const template = async () =>
  (await existing('Hook')) ?? addTemplate('Hook', SCRIPT, { survey_vars: [{ name: 'ref' }] })
const find = async (name) => (await api('GET', '/integrations')).find((each) => each.name === name)
const key = async () =>
  (await api('GET', '/keys')).find((each) => each.name === 'hook secret') ??
  api('POST', '/keys', { name: 'hook secret', type: 'string', string: SECRET })

/** Make an integration through the API, with an address. */
async function make(name, more = {}) {
  const { id } = await api('POST', '/integrations', {
    name,
    template_id: (await template()).id,
    auth_method: 'github',
    auth_secret_id: (await key()).id,
    keep_bodies: true,
    matchers: [
      {
        name: 'main',
        match_type: 'body',
        method: 'equals',
        body_data_type: 'json',
        key: 'ref',
        value: 'refs/heads/main',
      },
    ],
    ...more,
  })
  const { url } = await api('POST', `/integrations/${id}/aliases`)
  return { id, url }
}

/** Send a delivery as GitHub does; *secret* may be a wrong one. */
async function deliver(page, url, body, secret = SECRET) {
  const data = JSON.stringify(body)
  const sign = createHmac('sha256', secret).update(data).digest('hex')
  const path = new URL(url).pathname
  const answer = await page.request.post(`${world.url}${path}`, {
    data,
    headers: {
      'content-type': 'application/json',
      'x-hub-signature-256': `sha256=${sign}`,
      'x-github-event': 'push',
    },
  })
  assert.equal(answer.status(), 204)
}

pageTest('an integration is made, called, and says why', async (page) => {
  const { name } = await template()
  await key()
  await page.goto(inProject('/integrations/new'))
  await page.getByLabel('Name', { exact: true }).fill('own hook')
  await page.getByLabel('Template').click()
  await page.getByRole('option', { name, exact: true }).click()
  await page.getByLabel('Authentication').click()
  await page.getByRole('option', { name: 'GitHub' }).click()
  const create = page.getByRole('button', { name: 'Create integration' })
  assert.ok(await create.isDisabled(), 'without a key nobody could be authenticated')
  await page.getByLabel('Key with the secret').click()
  await page.getByRole('option', { name: 'hook secret' }).click()
  await page.getByRole('button', { name: 'Add condition' }).click()
  const matcher = page.getByRole('group', { name: 'Condition 1' })
  await matcher.getByLabel('Path').fill('ref..x')
  const part = page.getByRole('group', { name: 'ref..x' })
  await part.getByLabel('Value').fill('refs/heads/main')
  page.expectRefusal(400, '/integrations')
  await create.click()
  await page.getByText('invalid path').first().waitFor()
  await part.getByLabel('Path').fill('ref')
  await page.getByRole('button', { name: 'Add value' }).click()
  await page.getByRole('group', { name: 'Value 1' }).getByLabel('Path').fill('ref')
  const value = page.getByRole('group', { name: 'Value 1' })
  await value.getByLabel('Name', { exact: true }).fill('ref')
  await create.click()
  await page.getByText('When a delivery arrives').waitFor()
  await page.getByText('No deliveries yet').waitFor()
  await page.getByRole('button', { name: 'Add address' }).click()
  const { id } = await find('own hook')
  const [{ url }] = await until(async () => {
    const found = await api('GET', `/integrations/${id}/aliases`)
    return found.length > 0 && found
  }, 'there is an address')
  await page.getByText(url).first().waitFor()
  const command = await page.locator('pre').first().textContent()
  assert.ok(command.includes(url) && command.includes('$HOOK_SECRET'))
  assert.ok(!command.includes(SECRET))

  await deliver(page, url, { ref: 'refs/heads/other' })
  await page.getByText('expected equals "refs/heads/main"').first().waitFor()
  await deliver(page, url, { ref: 'refs/heads/main' }, 'wrong')
  await page.getByText('Refused').first().waitFor()
  await deliver(page, url, { ref: 'refs/heads/main' })
  const row = page.getByRole('button', { name: /Started/ }).first()
  await row.waitFor()
  await page.mouse.move(0, 0)
  await row.click()
  const panel = page.getByRole('dialog')
  await panel.getByText('x-hub-signature-256').waitFor()
  await panel.getByText('***').first().waitFor()
  await panel.getByText('{"ref":"refs/heads/main"}').waitFor()
  await panel.getByRole('button', { name: 'Send again' }).click()
  await panel.getByRole('heading', { name: 'Sent again' }).waitFor()
  assert.equal(await panel.getByRole('link', { name: /run #/ }).count(), 2)
  await page.keyboard.press('Escape')
  await page.getByText(/last delivery just now/).waitFor()
})

pageTest('the rules name the key, and a phone can delete', { phone: true }, async (page) => {
  const { id } = await make('on a phone')
  const { id: secret, name } = await key()
  await page.goto(inProject(`/integrations/${id}`))
  const link = page.getByRole('main').getByRole('link', { name, exact: true })
  assert.match(await link.getAttribute('href'), new RegExp(`/keys\\?key=${secret}$`))
  await checkAccess(page)
  await page.getByRole('button', { name: 'Delete', exact: true }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await page.waitForURL(inProject('/integrations'))
})

pageTest('the rules are tested without a run', async (page) => {
  const { id } = await make('tried')
  const before = (await api('GET', '/tasks')).length
  await page.goto(inProject(`/integrations/${id}`))
  await page.getByRole('button', { name: 'Test', exact: true }).click()
  const panel = page.getByRole('dialog')
  const content = panel.getByLabel('Body')
  assert.equal(await content.inputValue(), '{"ref":"refs/heads/main"}')
  assert.ok(await content.evaluate((each) => each === document.activeElement))
  await panel.getByRole('button', { name: 'Test', exact: true }).click()
  await panel.getByText('Would run').waitFor()
  await panel.getByLabel('Body').fill('{"ref": "x"}')
  await panel.getByRole('button', { name: 'Test', exact: true }).click()
  await panel.getByText('Does not fit').waitFor()
  assert.equal((await api('GET', '/tasks')).length, before)
})

pageTest('an integration is changed and deleted, and changes of others stay', async (page) => {
  const { id } = await make('changed')
  await page.goto(inProject(`/integrations/${id}/edit`))
  await page.getByLabel('Name', { exact: true }).fill('mine')
  await api('POST', `/integrations/${id}/values`, {
    name: 'x',
    value_source: 'header',
    key: 'X-A',
    variable: 'ref',
  })
  page.expectRefusal(412, '/integrations')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('changed in the meantime').waitFor()
  await page.goto(inProject('/integrations'))
  await page.getByRole('link', { name: 'changed', exact: true }).click()
  await page.getByRole('button', { name: 'Delete', exact: true }).click()
  await page.getByRole('button', { name: 'Delete the integration' }).click()
  await page.getByRole('link', { name: 'changed', exact: true }).waitFor({ state: 'detached' })
  assert.equal(await find('changed'), undefined)
})

pageTest('names and what a sender wrote are only text', async (page) => {
  const image = '<img src=x onerror=alert(1)>'
  const { id, url } = await make(image)
  await deliver(page, url, { ref: image })
  await page.goto(inProject('/integrations'))
  await page.getByRole('link', { name: image }).click()
  await page.getByText(`ref is "${image}"`).first().waitFor()
  assert.equal(await page.locator('main img').count(), 0)
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)
  assert.equal(wide, false)
  await api('DELETE', `/integrations/${id}`)
})

pageTest('a part that cannot be read says so', async (page) => {
  const { id } = await make('Damaged')
  const fault = 'method: the stored value is damaged; save it again'
  await page.route(/\/integrations\/\d+\/matchers$/, async (route) => {
    const answer = await route.fetch()
    const parts = await answer.json()
    await route.fulfill({ json: parts.map((each) => ({ ...each, fault })) })
  })
  await page.goto(inProject(`/integrations/${id}`))
  await page.getByText(fault).waitFor()
  assert.equal(await page.locator('.hookrules').getByText('refs/heads/main').count(), 0)
  await api('DELETE', `/integrations/${id}`)
})

pageTest('the log keeps each delivery while older ones are shown', async (page) => {
  const { id, url } = await make('many calls')
  const call = () => deliver(page, url, { ref: 'refs/heads/other' })
  for (let n = 0; n < 53; n++) await call()
  await page.goto(inProject(`/integrations/${id}`))
  const rows = page.locator('.hookrow')
  const older = page.getByRole('button', { name: 'Older' })
  await older.waitFor()
  assert.equal(await rows.count(), 50)
  const OLDER = '**/deliveries?*before=*'
  await page.route(OLDER, (route) => route.fulfill({ status: 503, json: { error: 'Not now' } }))
  page.expectRefusal(503, '/deliveries')
  await older.click()
  await page.getByText('Not now').first().waitFor()
  await page.unroute(OLDER)
  await older.dblclick()
  await until(async () => (await rows.count()) > 50)
  assert.equal(await rows.count(), 53)
  await page.mouse.move(0, 0) // rows do not move under the pointer
  await call()
  await until(async () => (await rows.count()) !== 53)
  assert.equal(await rows.count(), 54)
  assert.equal(await older.count(), 0)
  await api('DELETE', `/integrations/${id}`)
})

for (const look of [{}, { phone: true }]) {
  pageTest(`axe finds nothing ${JSON.stringify(look)}`, look, async (page) => {
    const { id, url } = await make(`axe ${JSON.stringify(look)}`)
    await deliver(page, url, { ref: 'refs/heads/main' })
    await deliver(page, url, { ref: 'refs/heads/other' })
    await page.goto(inProject('/integrations'))
    await page.getByText('axe').locator('visible=true').first().waitFor()
    await checkAccess(page)
    await page.goto(inProject(`/integrations/${id}`))
    const row = page.getByRole('button', { name: /Started/ })
    await row.first().waitFor()
    await checkAccess(page)
    await row.first().click()
    await page.getByRole('dialog').getByText('x-github-event').waitFor()
    await checkAccess(page)
    await page.goto(inProject(`/integrations/${id}/edit`))
    await page.getByRole('button', { name: 'Add value' }).click()
    await checkAccess(page)
  })
}
