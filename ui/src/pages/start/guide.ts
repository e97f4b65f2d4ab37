// The steps of the first run: what each made, which are done, and which is open.
import type { Schemas } from '@/api/client'
import type { KeyRow } from '../keys/keys'

export type Repository = Schemas['Repository']
export type Inventory = Schemas['Inventory']
export type Template = Schemas['Template']
export type RepositoryCheck = Schemas['RepositoryCheck']
export type InventoryCheck = Schemas['InventoryCheck']

export const STEPS = ['key', 'repository', 'inventory', 'template', 'run'] as const
export type Step = (typeof STEPS)[number]

/** What the project has. */
export interface Material {
  keys: KeyRow[]
  repositories: Repository[]
  inventories: Inventory[]
  templates: Template[]
}

/** What each step made; undefined where nothing is there. */
export interface Made {
  key?: KeyRow
  repository?: Repository
  inventory?: Inventory
  template?: Template
}

/** The last results of the checks of what was made. */
export interface Checks {
  repository?: RepositoryCheck
  inventory?: InventoryCheck
}

/** What the address names of each kind: numbers as text. */
export type Named = Partial<Record<string, unknown>>

/** The object with the number that the address names, else the newest. */
function chosen<T extends { id: number }>(objects: T[], named: unknown): T | undefined {
  const newest = [...objects].sort((one, other) => other.id - one.id)[0]
  return objects.find((each) => String(each.id) === named) ?? newest
}

/** Which objects the guide goes on with. The key may be the entry "none" of the store. */
export function made(material: Material, named: Named): Made {
  const repository = chosen(material.repositories, named.repository)
  const byName = material.keys.find((each) => String(each.id) === named.key)
  const ofRepository = material.keys.find((each) => each.id === repository?.ssh_key_id)
  const real = material.keys.filter((each) => each.type === 'ssh')
  return {
    key: byName ?? ofRepository ?? chosen(real, undefined),
    repository,
    inventory: chosen(material.inventories, named.inventory),
    template: chosen(material.templates, named.template),
  }
}

/** Whether a step needs nothing more. */
export function isDone(step: Step, found: Made, checks: Checks): boolean {
  switch (step) {
    case 'key':
      return found.key !== undefined
    case 'repository':
      return found.repository !== undefined && checks.repository?.status === 'success'
    case 'inventory':
      return found.inventory !== undefined && checks.inventory?.status === 'success'
    case 'template':
      return found.template !== undefined
    case 'run':
      return found.template?.last_task?.status === 'success'
  }
}

/** The first step that is not done; the last one if all are. */
export function firstUndone(found: Made, checks: Checks): Step {
  return STEPS.find((step) => !isDone(step, found, checks)) ?? 'run'
}

/** The step that is open: the *wanted* one, unless one before it is not done. */
export function openStep(wanted: unknown, found: Made, checks: Checks): Step {
  const last = firstUndone(found, checks)
  const step = STEPS.find((each) => each === wanted)
  return step && STEPS.indexOf(step) <= STEPS.indexOf(last) ? step : last
}

/** A name for a repository: the last part of its address. */
export function nameOf(url: string): string {
  const last = url
    .trim()
    .replace(/[/\\]+$/, '')
    .split(/[/:\\]/)
    .pop()
  return (last ?? '').replace(/\.git$/, '').slice(0, 100)
}

const APPS: Record<string, string> = { sh: 'bash', py: 'python' }

/** The app that runs *file*, by the end of its name. */
export function appOf(file: string): string {
  return APPS[/\.(\w+)$/.exec(file)?.[1]?.toLowerCase() ?? ''] ?? 'ansible'
}

/** A name for a template: the file's name without folder and ending. */
export function titleOf(file: string): string {
  const base = (file.split('/').pop() ?? '').replace(/\.\w+$/, '').replace(/[-_]+/g, ' ')
  return base.charAt(0).toUpperCase() + base.slice(1)
}

/** The number of hosts that answered. */
export function answered(check: InventoryCheck): number {
  return check.hosts.filter((host) => host.state === 'ok').length
}
