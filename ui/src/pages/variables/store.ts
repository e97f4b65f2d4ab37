// The variable groups of the project in the address, as a list that stays current.
import { computed } from 'vue'
import { api, data } from '@/api/client'
import { projectId } from '@/api/projects'
import { useLoad } from '@/live/load'
import { rows } from './variables'

/** Load the groups, and who uses them. */
export function useGroups() {
  const path = { project_id: projectId.value }
  const params = { path }
  const loaded = useLoad(
    (signal) =>
      Promise.all([
        data(api.GET('/project/{project_id}/environment', { params, signal })),
        data(api.GET('/project/{project_id}/templates', { params, signal })),
      ]),
    {
      when: (event) =>
        event.type === 'change' &&
        event.project_id === path.project_id &&
        ['environment', 'template'].includes(event.kind),
    },
  )
  return {
    groups: computed(() => loaded.data.value && rows(...loaded.data.value)),
    error: loaded.error,
    reload: loaded.reload,
    path,
  }
}
