// What the palette finds on the server: templates, tasks, people and the material of a project.
import { api, data, query } from '@/api/client'
import { mayManage, mayRun } from '@/api/projects'
import { admin } from '@/api/session'
import { markOf } from '@/components/status'
import { t } from '@/locales'
import { askRun } from '@/run/ask'
import { addFinder, longestWord, taskNumber, type Hit } from './sources'

/** Objects of a kind that are asked for; the palette shows fewer. */
const MOST = 30
/** The same where the palette itself compares further words. */
const MOST_OF_WORDS = 1000
/** Tasks that are shown. */
const TASKS = 5

function words(term: string): never {
  const limit = /\s/.test(term) ? MOST_OF_WORDS : MOST
  return query({ search: longestWord(term) || undefined, limit })
}

async function templates(project_id: number, term: string, signal: AbortSignal) {
  const params = { path: { project_id }, query: words(term) }
  return data(api.GET('/project/{project_id}/templates', { params, signal }))
}

addFinder({
  group: 'run',
  find: async (project, term, signal) => {
    if (!project || !mayRun.value) return []
    return (await templates(project, term, signal)).map((each) => ({
      label: each.name,
      suffix: each.playbook,
      icon: 'i-lucide-circle-play',
      mark: each.last_task ? markOf(each.last_task.status) : undefined,
      run: () => askRun({ project, template: each.id }),
    }))
  },
})

addFinder({
  group: 'go',
  find: async (project, term, signal) => {
    if (!project || !term) return []
    const params = { path: { project_id: project }, query: words(term) }
    const init = { params, signal }
    const [rows, keys, inventories, repositories, variables] = await Promise.all([
      templates(project, term, signal),
      mayManage.value ? data(api.GET('/project/{project_id}/keys', init)) : [],
      data(api.GET('/project/{project_id}/inventory', init)),
      data(api.GET('/project/{project_id}/repositories', init)),
      mayManage.value ? data(api.GET('/project/{project_id}/environment', init)) : [],
    ])
    const page = (name: string, params: object, query = {}) => ({
      to: { name, params: { project, ...params }, query },
    })
    return [
      ...rows.map((each) => ({
        label: each.name,
        suffix: t('frame.palette.template'),
        icon: 'i-lucide-layers',
        ...page('template', { template: each.id }),
      })),
      ...inventories.map((each) => ({
        label: each.name,
        suffix: t('frame.palette.inventory'),
        icon: 'i-lucide-server',
        ...page('inventory-hosts', { inventory: each.id }),
      })),
      ...variables.map((each) => ({
        label: each.name,
        suffix: t('frame.palette.variables'),
        icon: 'i-lucide-braces',
        ...page('variables', {}, { group: each.id }),
      })),
      ...keys.map((each) => ({
        label: each.name,
        suffix: t('frame.palette.key'),
        icon: 'i-lucide-key-round',
        ...page('keys', {}, { key: each.id }),
      })),
      ...repositories.map((each) => ({
        label: each.name,
        suffix: t('frame.palette.repository'),
        icon: 'i-lucide-git-branch',
        ...page('repositories', {}, { repository: each.id }),
      })),
    ]
  },
})

addFinder({
  group: 'go',
  find: async (project, term, signal) => {
    if (!project || !term) return []
    const number = taskNumber(term)
    const wanted = number
      ? { before: number + 1, limit: 1 }
      : { search: longestWord(term), limit: TASKS }
    const tasks = await data(
      api.GET('/project/{project_id}/tasks/last', {
        params: { path: { project_id: project }, query: query(wanted) },
        signal,
      }),
    )
    return tasks
      .filter((each) => !number || each.id === number)
      .map((each): Hit => ({
        label: `${each.tpl_alias} #${each.id}`,
        suffix: t('frame.palette.task'),
        icon: 'i-lucide-square-play',
        mark: markOf(each.status),
        to: { name: 'task', params: { project, task: each.id } },
      }))
  },
})

/** What a person is found by: name and login. */
const person = ({ name, username }: { name: string; username: string }) =>
  name === username ? name : `${name} (${username})`

// members of the project lead to the team
addFinder({
  group: 'go',
  find: async (project_id, term, signal) => {
    if (!project_id || !term) return []
    const params = { path: { project_id } }
    const members = await data(api.GET('/project/{project_id}/users', { params, signal }))
    return members.map((each) => ({
      label: person(each),
      suffix: t('frame.palette.member'),
      icon: 'i-lucide-user-round',
      to: { name: 'team', params: { project: project_id }, query: { member: each.id } },
    }))
  },
})

// accounts lead to the administration
addFinder({
  group: 'go',
  find: async (_project, term, signal) => {
    if (!admin.value || !term) return []
    const accounts = await data(api.GET('/users', { params: { query: words(term) }, signal }))
    return accounts.map((each) => ({
      label: person(each),
      suffix: t('frame.palette.account'),
      icon: 'i-lucide-user-round-cog',
      to: { name: 'admin-users', query: { user: each.id } },
    }))
  },
})
