import { inventory, PLAYBOOK } from '../lib/logs.mjs'
import { inProject } from '../lib/page.mjs'
import { addTemplate, api, ended, start } from '../lib/runs.mjs'
import { shoot } from '../lib/shots.mjs'

const value = (name) => ({ name, value: name.toLowerCase().replaceAll(' ', '-') })
const SURVEY = [
  {
    name: 'version',
    title: 'Version',
    type: 'enum',
    required: true,
    description: 'Newest tag of ops/web',
    default_value: 'v2026.11.3',
    values: ['v2026.11.3', 'v2026.11.2', 'v2026.11.1', 'v2026.10.4'].map(value),
  },
  {
    name: 'way',
    title: 'Strategy',
    type: 'enum',
    required: true,
    default_value: 'rolling',
    values: ['Rolling', 'Blue/green', 'All at once'].map(value),
  },
  { name: 'drain_seconds', title: 'Drain time', type: 'int', default_value: '30' },
  { name: 'maintenance_token', title: 'Maintenance token', type: 'secret' },
]

export default async function shots() {
  const [own] = await api('GET', '/inventory')
  const python = /ansible_python_interpreter=(\S+)/.exec(own.inventory)[1]
  const { id } = await api('POST', '/inventory', {
    ...own,
    id: 0,
    name: 'production',
    inventory: inventory(python),
  })
  await addTemplate('Renew certificates', PLAYBOOK, {
    app: 'ansible',
    inventory_id: id,
    survey_vars: SURVEY,
    allow_override_branch_in_task: true,
    task_params: { allow_override_limit: true, allow_override_tags: true, allow_debug: true },
  })
  await api('POST', `/inventory/${id}/check`, { repository_id: null })
  const answers = { version: 'v2026.11.3', way: 'rolling', drain_seconds: 30 }
  const task = await ended(
    await start('Renew certificates', { environment: JSON.stringify(answers) }),
  )
  const url = inProject(`/tasks/${task.id}`)
  const error = (page) => page.locator('.ln.first').waitFor()
  const run = (name) => async (page) => {
    await error(page)
    await page.getByRole('button', { name }).first().click()
    await page.locator('.cmd').first().waitFor()
  }
  return [
    ...(await shoot('05-task', `${url}?find=refused`, error)),
    ...(await shoot('04-run-dialog', url, run('Run again'))),
    ...(await shoot('20-german-run', url, run('Wiederholen'), { language: 'de' })),
  ]
}
