// The run dialog: how hosts are chosen.
import { inventory, PLAYBOOK } from '../lib/logs.mjs'
import { inProject } from '../lib/page.mjs'
import { addTemplate, api, until } from '../lib/runs.mjs'
import { shoot } from '../lib/shots.mjs'

const GROUPS = '[web]\nweb1.fra1\nweb2.fra1\nweb3.fra1\n[mail]\nmail2.fra1\n'

export default async function shots() {
  const [own] = await api('GET', '/inventory')
  const python = /ansible_python_interpreter=(\S+)/.exec(own.inventory)[1]
  const { id } = await api('POST', '/inventory', {
    ...own,
    id: 0,
    name: 'production',
    inventory: inventory(python) + GROUPS,
  })
  const make = (name, task_params) =>
    addTemplate(name, PLAYBOOK, { app: 'ansible', inventory_id: id, task_params })
  const free = await make('Renew certificates', { allow_override_limit: true })
  const fixed = await make('Patch systems', {})
  await api('POST', `/inventory/${id}/check`, { repository_id: null })
  await until(async () => (await api('GET', `/inventory/${id}/check`)).status === 'success')

  const open =
    (act, run = /^Run$/) =>
    async (page) => {
      await page.getByRole('button', { name: run }).locator('visible=true').first().click()
      await page.locator('.cmd').first().waitFor()
      await act(page)
    }
  const some = (page) => page.locator('.hostchoice label').last().click()
  const tick = async (page) => {
    await some(page)
    await page.getByRole('checkbox', { name: /^web ?(group|Gruppe)/ }).click()
    await page.getByRole('checkbox', { name: /^web3/ }).click()
    await page.getByText('web,!web3.fra1').waitFor()
  }
  const none = async (page) => {
    await some(page)
    await page.getByRole('combobox', { name: 'Limit' }).fill('web9')
    await page.getByRole('button', { name: 'Run on 0 hosts' }).waitFor()
  }
  const typed = async (page) => {
    await some(page)
    await page.getByRole('combobox', { name: 'Limit' }).pressSequentially('we')
    await page.getByRole('option').first().waitFor()
  }
  const many = Array.from({ length: 2_000 }, (_, i) => ({
    name: `node${String(i).padStart(4, '0')}.example.net`,
    groups: [`rack${String(i % 50).padStart(2, '0')}`],
    state: i % 700 === 3 ? 'unreachable' : 'ok',
  }))
  const thousands = async (page) => {
    const ended = new Date().toISOString()
    const json = { status: 'success', hosts: many, groups: [], reason: '', ended, truncated: false }
    await page.route(/\/inventory\/\d+\/check$/, (route) => route.fulfill({ json }))
    await page.reload()
    await open(async () => {
      await some(page)
      await page.getByRole('checkbox', { name: /^rack01/ }).click()
      await page.getByRole('button', { name: 'Run on 40 hosts' }).waitFor()
    })(page)
  }
  const url = inProject(`/templates/${free.id}`)
  return [
    ...(await shoot('04-run-ticks', url, open(tick))),
    ...(await shoot('04-run-none', url, open(none))),
    ...(await shoot('04-run-offers', url, open(typed))),
    ...(await shoot('04-run-many', url, thousands)),
    ...(await shoot(
      '04-run-fixed',
      inProject(`/templates/${fixed.id}`),
      open(async () => {}),
    )),
    ...(await shoot('20-german-ticks', url, open(tick, /^Starten$/), { language: 'de' })),
  ]
}
