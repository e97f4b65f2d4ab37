// A new invite: its command, and the devices that used it.
import { computed, ref, shallowRef } from 'vue'
import type { Schemas } from '@/api/client'
import type { Vpn } from './store'

type Created = Schemas['InviteCreated']

/** How the invited machine is told: by its shell, or by an installed Semaphore. */
export const SHELLS = ['posix', 'powershell', 'semaphore'] as const
export type Shell = (typeof SHELLS)[number]

/** The shell that this browser's machine probably has. */
export function usualShell(): Shell {
  return /Windows/.test(navigator.userAgent) ? 'powershell' : 'posix'
}

/** The one line that enrolls a machine. */
export function commandOf(created: Created, shell: Shell): string {
  return shell === 'semaphore'
    ? `semaphore vpn join '${created.link}'`
    : created.commands[shell].trim()
}

/** The state of a card that invites. */
export function useInvite(vpn: Vpn) {
  const created = shallowRef<Created>()
  const shell = ref<Shell>(usualShell())
  let before = new Set<number>()

  async function make(call: () => Promise<Created>): Promise<void> {
    before = new Set(vpn.devices.value?.map((each) => each.id))
    created.value = await call()
    await vpn.reload()
  }
  const current = computed(() =>
    vpn.invites.value?.find((each) => each.id === created.value?.invite.id),
  )
  // an answer does not say which invite made a device: the new ones of its owner are meant
  const joined = computed(() => {
    const invite = created.value?.invite
    if (!invite || !current.value?.uses) return []
    return (vpn.devices.value ?? []).filter(
      (each) =>
        !before.has(each.id) &&
        each.user_id === invite.user_id &&
        each.project_id === invite.project_id &&
        each.created >= invite.created,
    )
  })
  return { created, shell, current, joined, make }
}
