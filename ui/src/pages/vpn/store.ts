// The VPN as the user may see it, as lists that stay current.
import { computed, ref, shallowRef } from 'vue'
import { api, ApiError, data } from '@/api/client'
import { projectId } from '@/api/projects'
import { user } from '@/api/session'
import { now } from '@/clock'
import { on, type Event } from '@/live/bus'
import { useLoad } from '@/live/load'
import { deviceOf, ordered, type PeerStatus } from './devices'

/** Milliseconds between two looks at the age of handshakes. */
const TICK = 5_000

/** Milliseconds after which the status is asked for again, beside the peers. */
const STATUS = 10_000

/** The status of a server whose VPN is not set up. */
const NOT_SET_UP = 409

const concerns = (event: Event) => event.type === 'change' && event.kind.startsWith('vpn_')

async function read(signal: AbortSignal) {
  const network = await data(api.GET('/vpn/network', { signal }))
  const [peers, invites, sites, grants] = await Promise.all([
    data(api.GET('/vpn/peers', { signal })),
    data(api.GET('/vpn/invites', { signal })),
    data(api.GET('/vpn/sites', { signal })),
    data(api.GET('/vpn/grants', { signal })),
  ])
  return { network, peers, invites, sites, grants }
}

/** Load the VPN: devices of people, and hosts of the address's project or of all. */
export function useVpn() {
  const statuses = shallowRef(new Map<number, PeerStatus>())
  const answers = ref(false)
  const within = projectId.value

  const take = (peers: PeerStatus[]) =>
    (statuses.value = new Map([
      ...statuses.value,
      ...peers.map((each) => [each.id, each] as const),
    ]))

  const loaded = useLoad(read, { when: concerns })
  let asked = 0
  const status = useLoad(
    async (signal) => {
      if (!loaded.data.value) return undefined // the VPN may not be set up
      asked = Date.now()
      const next = await data(api.GET('/vpn/status', { signal }))
      answers.value = next.peers !== null
      take(next.peers ?? [])
      return next
    },
    {
      watch: [() => loaded.data.value !== undefined],
      // messages have the peers only
      when: (event) =>
        concerns(event) || (event.type === 'vpn_status' && Date.now() - asked > STATUS),
    },
  )
  on('vpn_status', (event) => {
    answers.value = true
    take(event.peers)
  })

  const tick = computed(() => Math.floor(now.value / TICK) * TICK)
  const here = (project: number | null) => !within || project === null || project === within
  const devices = computed(() => {
    const context = { user: user.value?.id, now: tick.value, known: answers.value }
    const found = loaded.data.value?.peers.filter((each) => here(each.project_id))
    return (
      found && ordered(found.map((each) => deviceOf(each, statuses.value.get(each.id), context)))
    )
  })
  return {
    devices,
    invites: computed(() => loaded.data.value?.invites.filter((each) => here(each.project_id))),
    network: computed(() => loaded.data.value?.network),
    sites: computed(() => loaded.data.value?.sites ?? []),
    grants: computed(() => loaded.data.value?.grants ?? []),
    /** why the state of devices is not known; empty if it is */
    silence: computed(() => (answers.value ? '' : (status.data.value?.reason ?? ''))),
    /** whether the removal of most devices waits for an administrator */
    held: computed(() => status.data.value?.unsafe ?? false),
    missing: computed(() => isMissing(loaded.error.value)),
    error: loaded.error,
    reload: () => Promise.all([loaded.reload(), status.reload()]),
  }
}

export type Vpn = ReturnType<typeof useVpn>

function isMissing(error: ApiError | undefined): boolean {
  return error?.status === NOT_SET_UP
}
