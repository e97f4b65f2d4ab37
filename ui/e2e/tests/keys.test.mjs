import assert from 'node:assert/strict'
import { checkAccess } from '../lib/axe.mjs'
import { inProject, pageTest } from '../lib/page.mjs'
import { addTemplate } from '../lib/runs.mjs'
import { sshKey } from '../lib/sshkeys.mjs'
import { world } from '../lib/world.mjs'

const keys = () => world.api('GET', `/project/${world.project}/keys`)
const make = (body) => world.api('POST', `/project/${world.project}/keys`, body)

pageTest('a pasted key is checked, stored and found again', async (page) => {
  const { secret, shared } = sshKey()
  await page.goto(inProject('/keys'))
  await page.getByRole('button', { name: 'Add key' }).first().click()
  const panel = page.getByRole('dialog')
  const add = panel.getByRole('button', { name: 'Add key' })
  assert.ok(await add.isDisabled())
  await panel.getByLabel('Name').fill('web hosts')
  await panel.getByLabel('Private key').fill(shared)
  await panel.getByText('public key').first().waitFor()
  assert.ok(await add.isDisabled())
  await panel.getByLabel('Private key').fill(secret)
  await panel.getByText('Ed25519 private key').waitFor()
  await panel.getByText('comment ops@example.net').waitFor()
  await panel.getByText('New to this store').waitFor()
  await panel.getByLabel('User on the hosts').fill('deploy')
  await add.click()
  await panel.waitFor({ state: 'detached' })
  const row = page.getByRole('row', { name: /web hosts/ })
  await row.getByText('Ed25519').waitFor()
  await row.getByText('not used').waitFor()
  await page.getByRole('button', { name: 'Add key' }).first().click()
  await panel.getByLabel('Private key').fill(secret)
  await panel.getByText('already in this store: web hosts').waitFor()
})

pageTest('an encrypted key asks for its passphrase', async (page) => {
  const { secret } = sshKey('long enough')
  await page.goto(inProject('/keys?add=ssh'))
  const panel = page.getByRole('dialog')
  await panel.getByLabel('Name').fill('locked')
  await panel.getByLabel('Private key').fill(secret)
  await panel.getByLabel('Passphrase').fill('wrong')
  await panel.getByText('The passphrase is wrong').waitFor()
  await panel.getByLabel('Passphrase').fill('long enough')
  await panel.getByText('with a passphrase, which is right').waitFor()
  await panel.getByRole('button', { name: 'Add key' }).click()
  await page.getByRole('row', { name: /locked/ }).waitFor()
})

pageTest('a generated key shows its public half only', async (page) => {
  await page.goto(inProject('/keys?add=generate'))
  const panel = page.getByRole('dialog')
  await panel.getByLabel('Name').fill('made here')
  await panel.getByRole('button', { name: 'Generate key' }).click()
  await panel.getByText(/^ssh-ed25519 /).waitFor()
  await panel.getByRole('button', { name: 'Done' }).click()
  await page.getByRole('row', { name: /made here/ }).waitFor()
  assert.ok(!(await page.content()).includes('PRIVATE KEY-----'))
})

pageTest('a key that is used says by whom, and is not deleted', async (page) => {
  const key = await make({ name: 'in use', type: 'string', string: 'x' })
  const inventory = await world.api('POST', `/project/${world.project}/inventory`, {
    name: 'Needs a key',
    type: 'static',
    inventory: 'localhost',
    become_key_id: null,
    ssh_key_id: (
      await make({
        name: 'spare',
        type: 'login_password',
        login_password: { login: 'a', password: 'b' },
      })
    ).id,
  })
  await addTemplate('Uses the key', '#!/bin/bash\n', { inventory_id: inventory.id })
  await page.goto(inProject('/keys'))
  const row = page.getByRole('row', { name: /spare/ })
  await row.getByText('Login and password').waitFor()
  await row.getByText('1 inventory').click() // any place of the row opens it
  const panel = page.getByRole('dialog')
  const link = (name) => panel.getByRole('link', { name, exact: true }).getAttribute('href')
  const { pathname } = new URL(inProject(`/inventory/${inventory.id}`))
  assert.equal(await link('Needs a key'), pathname)
  assert.match(await link('Uses the key'), /\/templates\/\d+$/)
  await panel.getByText('never').waitFor()
  assert.ok(await panel.getByRole('button', { name: 'Delete' }).isDisabled())
  await panel.getByRole('button', { name: 'Close' }).click()
  await page.getByRole('link', { name: 'in use', exact: true }).click()
  await panel.getByText('Not used').waitFor()
  await panel.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('button', { name: 'Delete the key' }).click()
  await page.getByRole('row', { name: /in use/ }).waitFor({ state: 'detached' })
  assert.ok(!(await keys()).some((each) => each.id === key.id))
})

pageTest('a key says whether a run or a check used it last', async (page) => {
  const secret = sshKey().secret
  const { id } = await make({
    name: 'just checked',
    type: 'ssh',
    ssh: { login: 'a', private_key: secret },
  })
  const { id: inventory } = await world.api('POST', `/project/${world.project}/inventory`, {
    name: 'To be checked',
    type: 'static',
    inventory: 'localhost ansible_connection=local',
    ssh_key_id: id,
  })
  await world.api('POST', `/project/${world.project}/inventory/${inventory}/check`)
  await page.goto(inProject(`/keys?key=${id}`))
  await page
    .getByRole('dialog')
    .getByText(/just now|s ago/)
    .first()
    .waitFor()
  await page.getByRole('dialog').getByText('by a check').waitFor()
})

pageTest('an empty store has one verb that adds a key', async (page) => {
  const { id } = await world.api('POST', '/projects', { name: 'Without keys' })
  await page.goto(`${world.url}/project/${id}/keys`)
  await page.getByText('No keys yet').waitFor()
  assert.equal(await page.getByRole('button', { name: 'Add key' }).count(), 1)
})

pageTest('a new name and a new secret are saved', async (page) => {
  const key = await make({ name: 'old name', type: 'string', string: 'x' })
  await page.goto(inProject(`/keys?key=${key.id}`))
  const panel = page.getByRole('dialog')
  await panel.getByRole('button', { name: 'Change' }).click()
  await panel.getByLabel('Name').fill('new name')
  await panel.getByLabel('Replace the secret').check()
  await panel.getByLabel('Text').fill('y')
  await panel.getByRole('button', { name: 'Save' }).click()
  await panel.getByRole('heading', { name: 'new name' }).waitFor()
  await panel.getByRole('button', { name: 'Close' }).click()
  await page.getByRole('row', { name: /new name/ }).waitFor()
})

pageTest('hostile names are only text', async (page) => {
  for (const name of [
    '<img src=x onerror=alert(1)>',
    '\u202egnorw',
    '🔑'.repeat(60),
    'n'.repeat(255),
  ]) {
    await make({ name, type: 'string', string: 'x' })
  }
  await page.goto(inProject('/keys'))
  await page.getByText('<img src=x onerror=alert(1)>').first().waitFor()
  assert.equal(await page.locator('.page img, main img').count(), 0)
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)
  assert.equal(wide, false)
})

for (const look of [{}, { phone: true }]) {
  pageTest(`axe finds nothing in the key store ${JSON.stringify(look)}`, look, async (page) => {
    await page.goto(inProject('/keys'))
    await page.getByText('made here').locator('visible=true').first().waitFor()
    await checkAccess(page)
    await page.goto(inProject('/keys?add=ssh'))
    await page.getByRole('dialog').getByLabel('Private key').fill(sshKey().secret)
    await page.getByText('New to this store').waitFor()
    await checkAccess(page)
  })
}
