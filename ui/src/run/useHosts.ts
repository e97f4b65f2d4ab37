// The hosts that a run may reach, by the last check of its inventory.
import { computed, type ComputedRef, type Ref } from 'vue'
import { api, data, type Schemas } from '@/api/client'
import { useCheck, type Checked } from '@/live/check'
import { reach, type Host, type Reach } from './reach'

type InventoryCheck = Schemas['InventoryCheck']

export interface RunHosts {
  checked: Checked<InventoryCheck>
  /** undefined if they are not known */
  reached: ComputedRef<Reach | undefined>
  /** hosts that did not answer the check */
  silent: ComputedRef<Host[]>
}

const PATH = '/project/{project_id}/inventory/{inventory_id}/check'
const NEVER = { status: 'never', hosts: [], groups: [], reason: '' } as unknown as InventoryCheck

/** Follow the check of *inventory*, whose file may be in *repository*. */
export function useHosts(
  project: number,
  inventory: Ref<number | undefined>,
  repository: Ref<number | undefined>,
  limit: Ref<string>,
): RunHosts {
  const params = () => ({ path: { project_id: project, inventory_id: inventory.value! } })
  const checked = useCheck<InventoryCheck>(
    {
      read: async (signal) =>
        inventory.value ? data(api.GET(PATH, { params: params(), signal })) : NEVER,
      start: () =>
        data(
          api.POST(PATH, {
            params: params(),
            body: { repository_id: repository.value ?? null },
          }),
        ),
      stop: () => data(api.DELETE(PATH, { params: params() })),
    },
    { watch: [inventory] },
  )
  const reached = computed(() => {
    const { value: check } = checked.check
    return check?.status === 'success' && !check.truncated
      ? reach(check.hosts ?? [], limit.value)
      : undefined
  })
  const silent = computed(() =>
    (reached.value?.hosts ?? []).filter((each) => each.state === 'unreachable'),
  )
  return { checked, reached, silent }
}
