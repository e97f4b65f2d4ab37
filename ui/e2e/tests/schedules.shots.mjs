import { inProject } from '../lib/page.mjs'
import { addTemplate, until } from '../lib/runs.mjs'
import { clearSchedules, makeSchedule, schedules } from '../lib/schedules.mjs'
import { shoot } from '../lib/shots.mjs'
import { world } from '../lib/world.mjs'

const ZONE = { timezone: 'Europe/Berlin' }

const ENDED = ['success', 'error']

/** Wait until a schedule has started a task that has ended. */
const ran = (id) =>
  until(async () => {
    const found = (await schedules()).find((each) => each.id === id)
    return ENDED.includes(found?.last_started?.status)
  }, 'the schedule has run')

export default async function shots() {
  await clearSchedules()
  const survey_vars = [
    { name: 'ring', title: 'Ring', required: true, default_value: 'canary' },
    { name: 'token', title: 'Token', type: 'secret' },
  ]
  const template = await addTemplate('Renew certificates', 'exit 1', { survey_vars })
  const empty = (page) => page.getByText('No schedules yet').waitFor()
  const faults = await shoot('15-schedules-empty', inProject('/schedules'), empty)
  const failing = await makeSchedule('certs now', '@every 1s', { template: template.name })
  await ran(failing.id)
  await world.api('PUT', `/project/${world.project}/schedules/${failing.id}/active`, {
    active: false,
  })
  await makeSchedule('nightly-certs', '0 2 * * *', { template: template.name, ...ZONE })
  await makeSchedule('nightly', '38 9 * * *', ZONE)
  await makeSchedule('netbox poll', '* * * * *', { active: true, ...ZONE })
  await makeSchedule('daily hardware inventory with a long name', '30 3 * * 1-5', ZONE)
  await makeSchedule('restore drill', '30 2 * * 0,3', { ...ZONE, catch_up: 'one' })
  await makeSchedule('monthly', '0 7 1 * *', ZONE)
  await makeSchedule('switchover, planned', '', {
    type: 'run_at',
    run_at: new Date(Date.now() + 12 * 86_400_000).toISOString(),
  })
  const listed = (page) => page.getByText('nightly-certs').locator('visible=true').first().waitFor()
  const edit = async (page) => {
    await listed(page)
    const name = page.getByRole('button', { name: 'nightly-certs', exact: true })
    await name.locator('visible=true').last().click()
    await page.getByRole('dialog').getByText('Next five runs').waitFor()
    await page.getByRole('dialog').getByText('Ring').waitFor()
  }
  return [
    ...faults,
    ...(await shoot('15-schedules', inProject('/schedules'), listed)),
    ...(await shoot('15-schedule', inProject('/schedules'), edit)),
    ...(await shoot('15-schedules-template', inProject(`/templates/${template.id}`), listed)),
  ]
}
