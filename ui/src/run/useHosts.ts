// The hosts that a run may reach, by the last check of its inventory.
import { computed, type ComputedRef, type Ref } from 'vue'
import { api, data, type Schemas } from '@/api/client'
import { useCheck, type Checked } from '@/live/check'
import { t } from '@/locales'
import { reach, type Host, type Reach } from './reach'

type InventoryCheck = Schemas['InventoryCheck']

export interface RunHosts {
  checked: Checked<InventoryCheck>
  /** what can be chosen, as far as a check has found it */
  hosts: ComputedRef<readonly Host[]>
  /** undefined if they are not known */
  reached: ComputedRef<Reach | undefined>
  /** why they are not known */
  unknown: ComputedRef<string>
  /** hosts that did not answer the check */
  silent: ComputedRef<Host[]>
}

const PATH = '/project/{project_id}/inventory/{inventory_id}/check'
const NONE: Reach = { hosts: [], unmatched: [] }
const NEVER = { status: 'never', hosts: [], groups: [], reason: '' } as unknown as InventoryCheck

/** Follow the check of *inventory*, whose file may be in *repository*. No host is reached
 * while *limit* is undefined. */
export function useHosts(
  project: number,
  inventory: Ref<number | undefined>,
  repository: Ref<number | undefined>,
  limit: Ref<string | undefined>,
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
  const hosts = computed(() => checked.check.value?.hosts ?? [])
  const reached = computed(() => {
    const { value: check } = checked.check
    if (check?.status !== 'success' || check.truncated) return undefined
    return limit.value === undefined ? NONE : reach(hosts.value, limit.value)
  })
  const silent = computed(() =>
    (reached.value?.hosts ?? []).filter((each) => each.state === 'unreachable'),
  )
  const unknown = computed(() => {
    switch (checked.check.value?.status) {
      case undefined:
        return t(checked.error.value ? 'run.hosts.unreadable' : 'common.loading')
      case 'never':
        return t('run.hosts.never')
      case 'running':
        return t('run.hosts.running')
      case 'success':
        return t(checked.check.value?.truncated ? 'run.hosts.tooMany' : 'run.hosts.pattern')
      case 'stopped':
        return t('run.hosts.stopped')
      default:
        return t('run.hosts.failed')
    }
  })
  return { checked, hosts, reached, unknown, silent }
}
