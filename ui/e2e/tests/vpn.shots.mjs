import { inProject } from '../lib/page.mjs'
import { shoot } from '../lib/shots.mjs'
import { connect, startVpn, stopVpn } from '../lib/vpn.mjs'
import { world } from '../lib/world.mjs'

async function populate() {
  const add = (path, name, more) =>
    world.api('POST', `${path}/vpn/peers`, { name, server_key: true, ...more })
  const day = 24 * 3_600_000
  const soon = new Date(Date.now() + day).toISOString()
  const device = (name, more) => add('', name, more)
  const host = (name, ...tags) => add(`/project/${world.project}`, name, { tags })
  const online = [
    await device('sk-laptop'),
    await device('pr-macbook-pro-16-of-the-network-team'),
    await host('db1', 'db'),
    await host('edge1', 'edge', 'fra1'),
  ]
  for (const { config } of online) connect(config)
  const { peer } = await device('contractor-audit', { expires: soon })
  await device('sk-phone', { kind: 'phone' })
  await device('jw-thinkpad')
  for (const name of ['db2', 'mon1', 'web1', 'web2']) await host(name, name.slice(0, -1))
  const [first, second] = await world.api('GET', '/vpn/sites')
  await world.api('POST', '/vpn/grants', { site_id: first.id, peer_id: peer.id })
  await world.api('POST', '/vpn/grants', { site_id: second.id, project_id: world.project })
  await world.api('POST', '/vpn/invites', { kind: 'laptop' })
}

export default async function shots() {
  try {
    await startVpn()
    await populate()
    const listed = async (page) => {
      await page.getByText('sk-laptop').locator('visible=true').first().waitFor()
      await page.getByText('4 of 11 online').waitFor()
    }
    return [
      ...(await shoot('09-vpn', inProject('/vpn'), listed)),
      ...(await shoot('09-vpn-device', inProject('/vpn'), async (page) => {
        await listed(page)
        await page.getByText('edge1').locator('visible=true').last().click()
        await page.getByRole('dialog').getByText('Connects from').waitFor()
      })),
      ...(await shoot('10-vpn-add', inProject('/vpn?tab=add'), async (page) => {
        await page.getByRole('button', { name: 'Make the command' }).click()
        await page.getByLabel('Name').fill(`sk-phone-${Date.now() % 10_000}`)
        await page.getByRole('button', { name: 'Make the code' }).click()
        await page.getByRole('img', { name: /QR code/ }).waitFor()
      })),
      ...(await shoot('11-vpn-access', inProject('/vpn?tab=access'), async (page) => {
        await page.getByText('Hosts of Demo').first().waitFor()
      })),
      ...(await shoot('11-vpn-invites', inProject('/vpn?tab=invites'), async (page) => {
        await page.getByText('Open').first().waitFor()
      })),
      ...(await shoot('11-vpn-checks', inProject('/vpn?tab=checks'), async (page) => {
        await page.getByRole('list', { name: 'Checks' }).waitFor()
      })),
    ]
  } finally {
    stopVpn()
  }
}
