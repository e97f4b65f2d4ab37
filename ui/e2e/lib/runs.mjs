// Runs of templates of the demo project, through the API.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { world } from './world.mjs'

const FINAL = ['success', 'error', 'stopped', 'rejected']

/** Call the API below the demo project. */
export function api(method, path, body) {
  return world.api(method, `/project/${world.project}${path}`, body)
}

/** The repository of the demo project; other tests add some of their own. */
export async function demoFiles() {
  return (await api('GET', '/repositories')).find((each) => each.name === 'Demo files')
}

/** The template *name* of the demo project, or undefined. */
export async function template(name) {
  return (await api('GET', '/templates')).find((each) => each.name === name)
}

/**
 * Make a template that runs *script* by bash (or a playbook, with app ansible); *more*
 * are fields of the template. An existing one of that name gets the script.
 */
export async function addTemplate(name, script, more = {}) {
  const repository = await demoFiles()
  const file = `${name.toLowerCase().replace(/\W+/g, '-')}.${more.app === 'ansible' ? 'yml' : 'sh'}`
  const folder = fileURLToPath(repository.git_url)
  writeFileSync(join(folder, file), script)
  const git = (...words) => execFileSync('git', ['-C', folder, ...words])
  git('add', file)
  git('-c', 'user.name=Test', '-c', 'user.email=test@example.org', 'commit', '-qm', `Add ${file}`)
  const found = await template(name)
  if (found) {
    const app = more.app ?? 'bash'
    if (found.app !== app) throw new Error(`the template ${name} of another test runs ${found.app}`)
    return found
  }
  const all = await api('GET', '/templates')
  const like = all.find((each) => each.app === (more.app ?? 'bash')) ?? all[0]
  return api('POST', '/templates', {
    project_id: world.project,
    name,
    playbook: file,
    app: 'bash',
    inventory_id: like.inventory_id,
    repository_id: repository.id,
    environment_id: like.environment_id,
    ...more,
  })
}

/** Start a run of the template *name*; returns the task. */
export async function start(name, more = {}) {
  const found = await template(name)
  if (!found) throw new Error(`there is no template ${name}`)
  return api('POST', '/tasks', { template_id: found.id, ...more })
}

/** Wait until *ask* answers with something; returns that. */
export async function until(ask, what = String(ask)) {
  for (let i = 0; i < 600; i++) {
    const answer = await ask()
    if (answer) return answer
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`this did not come about: ${what}`)
}

/** Wait until *task* has one of the statuses; returns it. */
export const reaches = (task, ...statuses) =>
  until(async () => {
    const now = await api('GET', `/tasks/${task.id}`)
    return statuses.includes(now.status) && now
  }, `task ${task.id} is ${statuses}`)

/** Wait until *task* has ended; returns it. */
export const ended = (task) => reaches(task, ...FINAL)

/** A script that tells what it does, line by line, for *seconds*. */
export const slow = (seconds, text = 'step') =>
  `#!/bin/bash\nfor i in $(seq ${seconds * 2}); do echo "${text} $i of ${seconds * 2}"; sleep 0.5; done\n`
