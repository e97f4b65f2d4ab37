import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { checkAccess } from '../lib/axe.mjs'
import { inProject, pageTest } from '../lib/page.mjs'
import { until } from '../lib/runs.mjs'
import { addStrangers, connect, ENDPOINT, startVpn, stopVpn, tunnelPeers } from '../lib/vpn.mjs'
import { world } from '../lib/world.mjs'

const peers = () => world.api('GET', '/vpn/peers')
const device = (name, more = {}) =>
  world.api('POST', '/vpn/peers', { name, server_key: true, ...more })
const host = (name, more = {}) =>
  world.api('POST', `/project/${world.project}/vpn/peers`, { name, server_key: true, ...more })
const row = (page, name) => page.getByRole('row', { name })

after(stopVpn)

pageTest('without a VPN the page says what sets it up', async (page) => {
  page.expectRefusal(409, '/api/vpn/network')
  await page.goto(inProject('/vpn'))
  await page.getByText('The VPN is not set up').waitFor()
  await page.getByText('semaphore vpn init --endpoint').waitFor()
  await checkAccess(page)
})

test('vpn: the companion starts', startVpn)

pageTest('an empty list offers to add a device', async (page) => {
  await page.goto(inProject('/vpn'))
  await page.getByText('No devices yet').waitFor()
  await page.getByRole('button', { name: 'Add device' }).last().click()
  await page.getByRole('heading', { name: 'This computer' }).waitFor()
  await page.getByRole('button', { name: 'Back to the devices' }).click()
  await page.getByText('No devices yet').waitFor()
})

pageTest('a phone is added by a QR code, and its handshake is shown', async (page) => {
  await page.goto(inProject('/vpn?tab=add'))
  const card = page.getByRole('region', { name: 'Phone or tablet' })
  await card.getByLabel('Name').fill('my-phone')
  await card.getByRole('button', { name: 'Make the code' }).click()
  await card.getByRole('img', { name: /QR code/ }).waitFor()
  const saved = page.waitForEvent('download')
  await card.getByRole('button', { name: 'Save as a file' }).click()
  const file = await (await (await saved).createReadStream()).toArray()
  const config = Buffer.concat(file).toString()
  assert.match(config, /^PrivateKey = [A-Za-z0-9+/]{43}=$/m)
  assert.match(config, new RegExp(`^Endpoint = ${ENDPOINT}:51820$`, 'm'))
  connect(config) // by its real key: what the code contains lets the phone in
  await card.getByText(/First handshake (just now|\d+ s ago)/).waitFor()
  await card.getByText('from 127.0.0.1').waitFor()
  await page.getByRole('button', { name: 'Back to the devices' }).click()
  await row(page, /my-phone/)
    .getByText('Online')
    .waitFor()
  await page.getByText('1 of 1 online').locator('visible=true').waitFor()
})

pageTest('a laptop is invited by one command, and shown when it has joined', async (page) => {
  await page.goto(inProject('/vpn?tab=add'))
  const card = page.getByRole('region', { name: 'This computer' })
  await card.getByRole('button', { name: 'Make the command' }).click()
  const command = card.getByLabel('Command', { exact: true })
  assert.match(await command.innerText(), /join\.sh/)
  await card.getByLabel('Shell').click()
  await page.getByRole('option', { name: 'With Semaphore installed' }).click()
  const text = await command.innerText()
  const token = /^semaphore vpn join 'https:.*#([^.]+)\./.exec(text)[1]
  const config = await world.api('POST', '/vpn/enroll', {
    token,
    name: 'my-laptop',
    public_key: Buffer.alloc(32, 7).toString('base64'),
  })
  assert.equal(config.peer.name, 'my-laptop')
  await card.getByText('Key registered: my-laptop').waitFor()
})

pageTest('a host is invited with tags, and let in when it was asked', async (page) => {
  await page.goto(inProject('/vpn?tab=add'))
  const card = page.getByRole('region', { name: 'Server' })
  await card.getByLabel('Tags').fill('edge, fra1')
  await card.getByLabel('Ask before a host gets in').check()
  await card.getByRole('button', { name: 'Make the invite' }).click()
  await card.getByLabel('Shell').click()
  await page.getByRole('option', { name: 'With Semaphore installed' }).click()
  const text = await card.getByLabel('Command', { exact: true }).innerText()
  await world.api('POST', '/vpn/enroll', {
    token: /#([^.]+)\./.exec(text)[1],
    name: 'edge9',
    public_key: Buffer.alloc(32, 9).toString('base64'),
  })
  await card.getByText('Key registered: edge9').waitFor()
  await card.getByText('Needs approval').waitFor()
  await page.getByRole('button', { name: 'Back to the devices' }).click()
  await row(page, /edge9/).getByText('fra1').waitFor()
  await page.getByRole('link', { name: 'edge9', exact: true }).click()
  const panel = page.getByRole('dialog')
  await panel.getByRole('button', { name: 'Let it in' }).click()
  await panel.locator('dd').getByText('Not yet seen').waitFor()
})

pageTest('a device is renamed, limited, disabled, enabled and deleted', async (page) => {
  const { peer } = await device('old-laptop')
  page.expectRefusal(409, `/api/vpn/peers/${peer.id}`)
  await page.goto(inProject(`/vpn?device=${peer.id}`))
  const panel = page.getByRole('dialog').first()
  await panel.getByRole('button', { name: 'Change' }).click()
  await panel.getByLabel('Name').fill('my-phone')
  await panel.getByRole('button', { name: 'Save' }).click()
  await panel.getByText(/my-phone.*already|already.*my-phone/).waitFor()
  await panel.getByLabel('Name').fill('new-laptop')
  await panel.getByRole('combobox').click()
  await page.getByRole('option', { name: 'in 7 days' }).click()
  await panel.getByRole('button', { name: 'Save' }).click()
  await panel.getByText('in 7 d').waitFor()
  await panel.getByRole('button', { name: 'Disable' }).click()
  await page.getByRole('button', { name: 'Disable the device' }).click()
  await panel.locator('dd').getByText('Disabled').waitFor()
  await panel.getByRole('button', { name: 'Enable' }).click()
  await panel.locator('dd').getByText('Not yet seen').waitFor()
  await panel.getByRole('button', { name: 'Replace key' }).click()
  await page.getByRole('button', { name: 'Replace the key' }).click()
  await panel.getByRole('img', { name: /QR code/ }).waitFor()
  await panel.getByRole('button', { name: 'Delete' }).click()
  await page.getByText(`its address ${peer.ipv4}`).waitFor()
  await page.getByRole('button', { name: 'Delete the device' }).click()
  await row(page, /new-laptop/).waitFor({ state: 'detached' })
  await until(
    async () => !(await peers()).some((each) => each.id === peer.id),
    'the device is deleted',
  )
})

pageTest(
  'the list follows changes made elsewhere, and the filter is in the address',
  async (page) => {
    await page.goto(inProject('/vpn'))
    await row(page, /my-phone/).waitFor()
    await host('db1', { tags: ['primary'] })
    await row(page, /db1/).waitFor()
    await page.getByLabel('Filter devices').fill('prim') // no part of an address
    await row(page, /my-phone/).waitFor({ state: 'detached' })
    assert.match(page.url(), /q=prim/)
    await page.reload()
    await row(page, /db1/).waitFor()
    assert.equal(await row(page, /my-phone/).count(), 0)
  },
)

pageTest('an invite is revoked', async (page) => {
  await world.api('POST', `/project/${world.project}/vpn/invites`, { tags: ['web'] })
  await page.goto(inProject('/vpn?tab=invites'))
  const first = page.getByRole('listitem').filter({ hasText: 'web' }).last()
  await first.getByRole('button', { name: 'Revoke' }).click()
  await page.getByRole('button', { name: 'Revoke the invite' }).click()
  await page.getByText('Revoked', { exact: true }).waitFor()
})

pageTest('a network is granted to a project and taken back', async (page) => {
  await page.goto(inProject('/vpn?tab=access'))
  const hosts = row(page, /Hosts of Demo/)
  await hosts.getByRole('button').first().click()
  await page.getByText('No, nothing is granted.').waitFor()
  await page.getByRole('button', { name: 'Grant', exact: true }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Grant' }).click()
  await hosts.getByText('by Demo').waitFor()
  await page.getByText('By the project Demo').waitFor()
  await row(page, /admin/).getByText('by Demo').waitFor() // a member
  await page.getByRole('button', { name: 'Take back' }).click()
  await page.getByText('not only this row').waitFor()
  await page.getByRole('button', { name: 'Take back the grant' }).click()
  await hosts.getByText('by Demo').waitFor({ state: 'detached' })
})

pageTest('a removal of most peers waits for an administrator', async (page) => {
  const known = tunnelPeers().length
  addStrangers(20)
  await until(async () => (await world.api('GET', '/vpn/status')).unsafe)
  await page.goto(inProject('/vpn'))
  await page.getByText('The removal of most devices is held back.').waitFor()
  await page.getByRole('button', { name: 'Show the changes' }).click()
  const question = page.getByRole('dialog')
  await question.getByText('and 10 more changes').waitFor()
  await checkAccess(page)
  assert.equal(tunnelPeers().length, known + 20) // nothing was removed yet
  await question.getByRole('button', { name: 'Apply the changes' }).click()
  await page.getByText('The removal of most devices').waitFor({ state: 'detached' })
  assert.equal(tunnelPeers().length, known)
})

pageTest('the checks of the server are listed', async (page) => {
  await page.goto(inProject('/vpn?tab=checks'))
  await page.getByRole('list', { name: 'Checks' }).getByRole('listitem').first().waitFor()
  await checkAccess(page)
})

pageTest('hostile names are only text', async (page) => {
  await world
    .api('POST', '/vpn/sites', { name: 'n'.repeat(60), network: '10.99.0.0/24' })
    .catch(() => null)
  for (const name of ['<img src=x onerror=alert(1)>', '\u{1f511}'.repeat(15), 'n'.repeat(63)]) {
    await device(name).catch(() => null) // the server refuses some
  }
  await page.goto(inProject('/vpn'))
  await row(page, /nnnn/).waitFor()
  assert.equal(await page.locator('main img').count(), 0)
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)
  assert.equal(wide, false)
})

for (const look of [{}, { phone: true }]) {
  pageTest(`axe finds nothing ${JSON.stringify(look)}`, look, async (page) => {
    await page.goto(inProject('/vpn'))
    await page.getByText('db1').locator('visible=true').first().waitFor()
    await checkAccess(page)
    for (const tab of look.phone ? ['add'] : ['access', 'invites', 'add']) {
      await page.goto(inProject(`/vpn?tab=${tab}`))
      await page.locator('.mx, .invite, .adds').first().waitFor()
      await checkAccess(page)
    }
  })
}
