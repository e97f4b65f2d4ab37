import { inProject } from '../lib/page.mjs'
import { ended, start } from '../lib/runs.mjs'
import { shoot } from '../lib/shots.mjs'
import { world } from '../lib/world.mjs'

export default async function shots() {
  for (const name of ['Ping localhost', 'Failing script', 'Ping localhost']) {
    await ended(await start(name))
  }
  const listed = (page) =>
    page.getByText('Ping localhost').locator('visible=true').first().waitFor()
  const all = await world.api('GET', `/project/${world.project}/templates`)
  const one = all.find((each) => each.name === 'Ping localhost').id
  const title = async (each) => {
    const body = { title: each, position: 0 }
    await world.api('POST', `/project/${world.project}/views`, body)
  }
  for (const each of ['Nightly', 'Deployments', 'Maintenance']) await title(each)
  return [
    ...(await shoot('03-views', inProject('/templates?edit=views'), async (page) => {
      await page.getByRole('dialog').getByRole('button', { name: 'Save' }).waitFor()
    })),
    ...(await shoot('03-templates', inProject('/templates'), listed)),
    ...(await shoot('03-template', inProject(`/templates/${one}`), async (page) => {
      await page.getByText('Success').first().waitFor()
    })),
    ...(await shoot('03-template-edit', inProject(`/templates/${one}/edit`), async (page) => {
      await page.getByRole('button', { name: 'Save' }).waitFor()
    })),
  ]
}
