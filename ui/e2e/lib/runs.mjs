// Runs of templates of the demo project, through the API.
import { world } from './world.mjs'

const FINAL = ['success', 'error', 'stopped', 'rejected']

/** The number of the template *name* of the demo project. */
export async function template(name) {
  const all = await world.api('GET', `/project/${world.project}/templates`)
  const found = all.find((each) => each.name === name)
  if (!found) throw new Error(`no template ${name}: ${all.map((each) => each.name)}`)
  return found.id
}

/** Start a run of the template *name*; returns the task. */
export async function start(name, more = {}) {
  const body = { template_id: await template(name), ...more }
  return world.api('POST', `/project/${world.project}/tasks`, body)
}

/** Wait until a task has ended; returns it. */
export async function ended(task) {
  for (let i = 0; i < 600; i++) {
    const now = await world.api('GET', `/project/${world.project}/tasks/${task.id}`)
    if (FINAL.includes(now.status)) return now
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`task ${task.id} did not end`)
}
