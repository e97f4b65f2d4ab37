// The inventories of the project in the address, as a list that stays current.
import { computed } from 'vue'
import { api, answer, ApiError, data } from '@/api/client'
import { ifManager, projectId } from '@/api/projects'
import { isFinal } from '@/components/status'
import { on, type Event, type UpdateMessage } from '@/live/bus'
import { useLoad } from '@/live/load'
import type { LastResults } from './hosts'
import { rows } from './inventory'

const KINDS = ['inventory', 'key', 'template', 'repository', 'schedule', 'integration']

const concerns = (project: number) => (event: Event) =>
  event.type === 'change' && event.project_id === project && KINDS.includes(event.kind)

/** Load the inventories, and what a form offers. */
export function useInventories() {
  const path = { project_id: projectId.value }
  const params = { path }
  const loaded = useLoad(
    (signal) =>
      Promise.all([
        data(api.GET('/project/{project_id}/inventory', { params, signal })),
        ifManager(() => data(api.GET('/project/{project_id}/keys', { params, signal })), []),
        data(api.GET('/project/{project_id}/templates', { params, signal })),
        data(api.GET('/project/{project_id}/repositories', { params, signal })),
        data(api.GET('/project/{project_id}/schedules', { params, signal })),
        data(api.GET('/project/{project_id}/integrations', { params, signal })),
      ]),
    { when: concerns(path.project_id) },
  )
  return {
    inventories: computed(() => {
      const all = loaded.data.value
      return (
        all && rows(all[0], all[1], { templates: all[2], schedules: all[4], integrations: all[5] })
      )
    }),
    keys: computed(() => loaded.data.value?.[1] ?? []),
    repositories: computed(() => loaded.data.value?.[3] ?? []),
    error: loaded.error,
    reload: loaded.reload,
    path,
  }
}

/** Load one inventory with who uses it, and what a form offers. */
export function useInventory(path: { project_id: number; inventory_id: number }) {
  const params = { path }
  const ONE = '/project/{project_id}/inventory/{inventory_id}'
  return useLoad(
    async (signal) => {
      const [shown, references, facts, keys, repositories] = await Promise.all([
        answer(api.GET(ONE, { params, signal })),
        data(api.GET(`${ONE}/refs`, { params, signal })),
        data(api.GET(`${ONE}/facts`, { params, signal })),
        ifManager(() => data(api.GET('/project/{project_id}/keys', { params, signal })), []),
        data(api.GET('/project/{project_id}/repositories', { params, signal })),
      ])
      const tag = shown.response.headers.get('etag') ?? undefined
      return { item: shown.data!, tag, references, facts, keys, repositories }
    },
    { when: concerns(path.project_id) },
  )
}

export type KnownInventory = NonNullable<ReturnType<typeof useInventory>['data']['value']>

/** Load the last result of each host in runs with an inventory, anew after each run with it. */
export function useLastResults(path: { project_id: number; inventory_id: number }) {
  const RESULTS = '/project/{project_id}/inventory/{inventory_id}/results'
  const USED = '/project/{project_id}/tasks/{task_id}/inventory'
  const loaded = useLoad((signal) => data(api.GET(RESULTS, { params: { path }, signal })))
  async function ended({ project_id, task_id }: UpdateMessage): Promise<void> {
    const params = { path: { project_id, task_id } }
    const used = await data(api.GET(USED, { params }))
    if (used.inventory_id === path.inventory_id) await loaded.reload()
  }
  on('update', (event) => {
    if (event.project_id !== path.project_id || !isFinal(event)) return
    ended(event).catch((error: unknown) => {
      if (!(error instanceof ApiError)) throw error // the task was deleted meanwhile
    })
  })
  return computed<LastResults | undefined>(
    () => loaded.data.value && new Map(loaded.data.value.map((each) => [each.host, each])),
  )
}
