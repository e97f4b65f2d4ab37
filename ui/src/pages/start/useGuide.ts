// What the guide knows of the project, and the checks that it starts.
import { computed, onScopeDispose, watch } from 'vue'
import { useRoute } from 'vue-router'
import { api, data } from '@/api/client'
import { useLoad } from '@/live/load'
import { useKeys } from '../keys/store'
import { made, type Checks, type Made } from './guide'

/** Milliseconds between two looks at a check that runs. */
const PAUSE = 700

export function useGuide() {
  const route = useRoute()
  const stored = useKeys()
  const path = stored.path
  const ofProject = (event: object) => 'project_id' in event && event.project_id === path.project_id

  const lists = useLoad(
    (signal) => {
      const params = { params: { path }, signal }
      return Promise.all([
        data(api.GET('/project/{project_id}/repositories', params)),
        data(api.GET('/project/{project_id}/inventory', params)),
        data(api.GET('/project/{project_id}/templates', params)),
      ])
    },
    { when: ofProject },
  )
  const found = computed<Made | undefined>(() => {
    if (!lists.data.value || !stored.keys.value) return undefined
    const [repositories, inventories, templates] = lists.data.value
    return made({ keys: stored.keys.value, repositories, inventories, templates }, route.query)
  })

  const checks = useLoad(async (signal): Promise<Checks | undefined> => {
    if (!found.value) return undefined
    const { repository, inventory } = found.value
    const [first, second] = await Promise.all([
      repository && data(api.GET(REPOSITORY, { params: params(repository.id), signal })),
      inventory && data(api.GET(INVENTORY, { params: host(inventory.id), signal })),
    ])
    return { repository: first, inventory: second }
  })
  const params = (repository_id: number) => ({ path: { ...path, repository_id } })
  const host = (inventory_id: number) => ({ path: { ...path, inventory_id } })

  const numbers = () => [found.value?.repository?.id, found.value?.inventory?.id, !found.value]
  watch(numbers, () => void checks.reload())

  const running = computed(
    () =>
      checks.data.value?.repository?.status === 'running' ||
      checks.data.value?.inventory?.status === 'running',
  )
  let timer: ReturnType<typeof setInterval> | undefined
  watch(running, (runs) => {
    clearInterval(timer)
    if (runs) timer = setInterval(() => checks.loading.value || void checks.reload(), PAUSE)
  })
  onScopeDispose(() => clearInterval(timer))

  /** Read everything again, so that what was just saved is in the lists. */
  const reload = () => Promise.all([stored.reload(), lists.reload()]).then(checks.reload)

  return {
    path,
    keys: stored.keys,
    found,
    checks: checks.data,
    error: computed(() => stored.error.value ?? lists.error.value ?? checks.error.value),
    reload,
    async checkRepository(id: number): Promise<void> {
      await data(api.POST(REPOSITORY, { params: params(id), body: {} }))
      await reload()
    },
    async checkInventory(id: number): Promise<void> {
      await data(api.POST(INVENTORY, { params: host(id), body: { repository_id: null } }))
      await reload()
    },
  }
}

const REPOSITORY = '/project/{project_id}/repositories/{repository_id}/check'
const INVENTORY = '/project/{project_id}/inventory/{inventory_id}/check'
