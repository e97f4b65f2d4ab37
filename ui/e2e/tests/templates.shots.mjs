import { inProject } from '../lib/page.mjs'
import { demoFiles, ended, start } from '../lib/runs.mjs'
import { shoot } from '../lib/shots.mjs'
import { world } from '../lib/world.mjs'

const VALUES = ['web', 'db', 'cache'].map((each) => ({ name: each, value: each }))
const SURVEY = [
  { name: 'count', title: 'How many?', type: 'int', minimum: '1', maximum: '9' },
  { name: 'parts', title: 'Which parts?', type: 'select', values: VALUES, default_value: ['db'] },
  { name: 'clean', title: 'Clean first?', type: 'bool', default_value: 'false' },
  { name: 'day', title: 'Day', type: 'date', default_value: '2026-12-31' },
  { name: 'notes', title: 'Notes', type: 'text', description: 'Shown in the report' },
  { name: 'release', title: 'Release', pattern: 'v[0-9]+', default_value: 'v1' },
]

/** A template that builds, with two that deploy one after the other; and one that asks; their numbers. */
async function chain() {
  const repository = (await demoFiles()).id
  const add = async (name, more) => {
    const body = {
      name,
      app: 'bash',
      playbook: 'disk-usage.sh',
      repository_id: repository,
      ...more,
    }
    return (await world.api('POST', `/project/${world.project}/templates`, body)).id
  }
  const build = await add('Build the site', { type: 'build', start_version: '2.0.7' })
  const staging = { type: 'deploy', build_template_id: build, autorun: true }
  const live = { type: 'deploy', build_template_id: await add('Deploy to staging', staging) }
  await add('Deploy to production', live)
  await ended(await start('Build the site'))
  return [build, await add('Release notes', { survey_vars: SURVEY })]
}

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
  const [build, asking] = await chain()
  return [
    ...(await shoot('03-build', inProject(`/templates/${build}`), async (page) => {
      const where = page.getByRole('region', { name: 'Which version is where' })
      await where.getByText('2.0.7').waitFor({ timeout: 60_000 })
    })),
    ...(await shoot('03-survey', inProject(`/templates/${asking}`), async (page) => {
      await page.getByRole('button', { name: 'Run', exact: true }).first().click()
      await page.getByText('release=v1').waitFor()
    })),
    ...(await shoot('03-views', inProject('/templates?edit=views'), async (page) => {
      await page.getByRole('dialog').getByRole('button', { name: 'Save' }).waitFor()
    })),
    ...(await shoot('03-templates', inProject('/templates'), listed)),
    ...(await shoot('03-templates-chosen', inProject('/templates'), async (page) => {
      await listed(page)
      const choose = page.getByRole('button', { name: 'Select', exact: true })
      if (await choose.isVisible()) await choose.click()
      for (const name of ['Ping localhost', 'Disk usage', 'Release notes']) {
        await page.getByRole('checkbox', { name: `Select ${name}` }).click()
      }
      await page.getByRole('button', { name: 'Run 3' }).click()
      await page.getByRole('dialog').waitFor()
    })),
    ...(await shoot('03-template', inProject(`/templates/${one}`), async (page) => {
      await page.getByText('Success').first().waitFor()
    })),
    ...(await shoot('03-template-edit', inProject(`/templates/${one}/edit`), async (page) => {
      await page.getByRole('button', { name: 'Save' }).waitFor()
    })),
  ]
}
