import { inProject } from '../lib/page.mjs'
import { api } from '../lib/runs.mjs'
import { shoot } from '../lib/shots.mjs'
import { workspace } from '../lib/states.mjs'

export default async function shots() {
  let made
  const empty = await shoot('workspace-empty', inProject('/inventory'), async (page) => {
    made ??= await workspace(page, 'production net')
    await page.goto(inProject(`/inventory/${made.inventory}`))
    await page.getByText('No state yet').waitFor()
  })
  const full = await shoot('workspace', inProject('/inventory'), async (page) => {
    const states = await api('GET', `/inventory/${made.inventory}/terraform/states`)
    if (states.length === 0) {
      for (const serial of [1, 2, 3, 4]) await made.store(serial)
      await made.send('LOCK', { ID: 'one', Who: 'eve@laptop', Operation: 'OperationTypeApply' })
    }
    await page.goto(inProject(`/inventory/${made.inventory}`))
    await page.getByText('eve@laptop').waitFor()
  })
  const form = await shoot('workspace-add', inProject('/inventory?add=1'), async (page) => {
    await page.getByRole('group').getByText('Terraform workspace', { exact: true }).click()
    await page.getByLabel('Workspace', { exact: true }).waitFor()
  })
  return [...empty, ...full, ...form]
}
