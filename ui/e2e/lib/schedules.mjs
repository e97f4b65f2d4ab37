// Schedules of the demo project, through the API.
import { world } from './world.mjs'

const api = (method, path, body) => world.api(method, `/project/${world.project}${path}`, body)

export const schedules = () => api('GET', '/schedules?all=1')

/** Make a schedule of the first template, that of *template*, or with other *fields*. */
export async function makeSchedule(name, cron_format, { template, ...fields } = {}) {
  const templates = await api('GET', '/templates')
  const found = templates.find((each) => each.name === template) ?? templates[0]
  return api('POST', '/schedules', {
    template_id: found.id,
    name,
    cron_format,
    active: true,
    ...fields,
  })
}

export const switchSchedule = (id, active) => api('PUT', `/schedules/${id}/active`, { active })

/** Delete the schedules that earlier tests have made. */
export async function clearSchedules() {
  for (const { id } of await schedules()) await api('DELETE', `/schedules/${id}`)
}
