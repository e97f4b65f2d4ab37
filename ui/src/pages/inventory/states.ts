// The state of a workspace: its versions, its lock, and the addresses that lead to it.
import { api, data, type Schemas } from '@/api/client'
import { ifManager } from '@/api/projects'
import { isFinal } from '@/components/status'
import { useLoad } from '@/live/load'
import type { InventoryType } from './inventory'

export type StateVersion = Schemas['StateVersion']
export type StateLock = Schemas['StateLock']
export type StateAlias = Schemas['StateAlias']
export interface WorkspacePath {
  project_id: number
  inventory_id: number
}

export const STATES = '/project/{project_id}/inventory/{inventory_id}/terraform'

export const isWorkspace = (type: InventoryType): boolean =>
  type === 'terraform-workspace' || type === 'tofu-workspace'

/** Milliseconds: Terraform stores and locks a state from elsewhere, which no event tells. */
const AGAIN = 5_000

/** Load the versions, the lock and the addresses, anew after each run and change. */
export function useStates(path: WorkspacePath) {
  const params = { path }
  return useLoad(
    async (signal) => {
      const [versions, locks, aliases] = await Promise.all([
        data(api.GET(`${STATES}/states`, { params, signal })),
        data(api.GET(`${STATES}/locks`, { params, signal })),
        ifManager(() => data(api.GET(`${STATES}/aliases`, { params, signal })), []),
      ])
      return { versions, lock: locks[0], aliases }
    },
    {
      when: (event) =>
        (event.type === 'update' && event.project_id === path.project_id && isFinal(event)) ||
        (event.type === 'change' &&
          event.project_id === path.project_id &&
          event.kind === 'inventory'),
      every: AGAIN,
    },
  )
}

/** The block that code outside of this server needs; login and password are given apart. */
export function backendBlock(url: string): string {
  const lines = ['address', 'lock_address', 'unlock_address'].map(
    (name) => `    ${name.padEnd(14)} = "${url}"`,
  )
  return [
    'terraform {',
    '  backend "http" {',
    ...lines,
    '    lock_method    = "LOCK"',
    '    unlock_method  = "UNLOCK"',
    '  }',
    '}',
    '',
  ].join('\n')
}

/** The name of the file that a version is saved as. */
export function fileName(name: string, version: StateVersion): string {
  return `${name.replace(/[^\p{L}\p{N}_.-]+/gu, '-').slice(0, 80)}-${version.serial}.tfstate`
}
