// The keys of the project in the address, as a list that stays current.
import { computed } from 'vue'
import { api, data } from '@/api/client'
import { projectId } from '@/api/projects'
import { useLoad } from '@/live/load'
import type { KeyRow } from './keys'

/** Load the keys, and what is known about each. */
export function useKeys() {
  const path = { project_id: projectId.value }
  const concerns = (event: object) =>
    'kind' in event &&
    'project_id' in event &&
    event.project_id === path.project_id &&
    ['key', 'template', 'inventory', 'repository'].includes(String(event.kind))
  const loaded = useLoad(
    (signal) =>
      Promise.all([
        data(api.GET('/project/{project_id}/keys', { params: { path }, signal })),
        data(api.GET('/project/{project_id}/keys/overview', { params: { path }, signal })),
      ]),
    { when: concerns },
  )
  const keys = computed<KeyRow[] | undefined>(() => {
    if (!loaded.data.value) return undefined
    const [listed, summaries] = loaded.data.value
    const byId = new Map(summaries.map((each) => [each.id, each]))
    return listed.map((key) => ({ ...key, summary: byId.get(key.id) }))
  })
  return { keys, error: loaded.error, reload: loaded.reload, path }
}
