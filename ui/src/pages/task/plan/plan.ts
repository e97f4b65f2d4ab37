// What the review of a plan shows, as plain functions of the server's record.
import type { Schemas } from '@/api/client'
import { number, plural, t, type Key } from '@/locales'

export type Plan = Schemas['TaskPlan']
export type Change = Schemas['PlanChange']
export type Attribute = Schemas['PlanAttribute']
export type Action = Change['action']

export type BandName = 'destroy' | 'change' | 'create' | 'state' | 'read'

const BAND: Record<Action, BandName> = {
  delete: 'destroy',
  replace: 'destroy',
  other: 'destroy',
  update: 'change',
  create: 'create',
  forget: 'state',
  import: 'state',
  move: 'state',
  read: 'read',
}
const ORDER: BandName[] = ['destroy', 'change', 'create', 'state', 'read']

const SIGNS: Record<Action, string> = {
  delete: '−',
  replace: '±',
  other: '?',
  update: '~',
  create: '+',
  forget: '×',
  import: '↓',
  move: '→',
  read: '≤',
}
const COLORS: Record<BandName, string> = {
  destroy: 't-fail',
  change: 't-wait',
  create: 't-ok',
  state: 'muted',
  read: 'muted',
}

export const signOf = (action: Action) => SIGNS[action]
export const colorOf = (action: Action) => COLORS[BAND[action]]

/** The sign of a band, which is that of its usual action. */
const FIRST: Record<BandName, Action> = {
  destroy: 'delete',
  change: 'update',
  create: 'create',
  state: 'move',
  read: 'read',
}

export interface Band {
  name: BandName
  sign: string
  color: string
  changes: Change[]
}

/** Return the changes whose address has every word of *filter*, by what they do. */
export function bands(plan: Plan, filter: string): Band[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean)
  const found = plan.changes.filter(({ address }) =>
    words.every((word) => address.toLowerCase().includes(word)),
  )
  return ORDER.flatMap((name) => {
    const changes = found.filter((each) => BAND[each.action] === name)
    const sign = SIGNS[FIRST[name]]
    return changes.length ? [{ name, sign, color: COLORS[name], changes }] : []
  })
}

/** Attributes that are shown at first without the dangerous ones: a screen. */
const LINES = 12
/** Dangerous changes that are open at first. */
const DANGEROUS = 50

/** Return the addresses of the changes that are open at first. */
export function openAtFirst(plan: Plan): Set<string> {
  const open = new Set<string>()
  let lines = 0
  for (const { action, address, attributes } of plan.changes) {
    const danger = BAND[action] === 'destroy' || BAND[action] === 'change'
    lines += attributes.length
    if (danger ? open.size < DANGEROUS : lines <= LINES) open.add(address)
  }
  return open
}

const REASONS = new Set([
  ...['replace_because_tainted', 'replace_because_cannot_update', 'replace_by_request'],
  ...['replace_by_triggers', 'delete_because_no_resource_config', 'delete_because_no_module'],
  ...['delete_because_wrong_repetition', 'delete_because_count_index'],
  ...['delete_because_each_key', 'delete_because_no_move_target'],
  ...['read_because_config_unknown', 'read_because_dependency_pending'],
  'read_because_check_nested',
])

/** Return Terraform's reason in words; one that is not known stays as it came. */
export function reasonOf({ reason, attributes }: Change): string {
  if (reason === 'replace_because_cannot_update') {
    const paths = attributes.filter((each) => each.forces).map((each) => each.path)
    if (paths.length) return t('plan.forcedBy', { paths: paths.join(', ') })
  }
  return REASONS.has(reason) ? t(`plan.reason.${reason}` as Key) : reason
}

/** Return what stands at the right edge of a change. */
export function noteOf(change: Change): string {
  const { action, attributes, omitted, unchanged, previous_address: before } = change
  const changed = attributes.length + omitted
  const words: string[] = []
  if (action === 'update') {
    words.push(plural('plan.inPlace', changed + unchanged, { changed: number(changed) }))
  } else if (action === 'replace' || action === 'forget' || action === 'import') {
    words.push(t(`plan.action.${action}`))
  }
  const reason = reasonOf(change)
  if (reason) words.push(reason)
  if (before) words.push(t('plan.before', { address: before }))
  if (change.imported && action !== 'import') words.push(t('plan.action.import'))
  return words.join(', ') || plural('plan.attributes', changed)
}

/** Return the figures that are not zero, in the order of danger: "destroy 1, create 3". */
export function figures(plan: Plan): string {
  const { destroy, change, add } = plan
  return [
    destroy && t('plan.destroyNumber', { n: number(destroy) }),
    change && t('plan.changeNumber', { n: number(change) }),
    add && t('plan.createNumber', { n: number(add) }),
  ]
    .filter(Boolean)
    .join(', ')
}

/** Return the addresses of what is destroyed, whether or not it is created anew. */
export const destroyed = (plan: Plan) =>
  plan.changes.filter((each) => BAND[each.action] === 'destroy').map((each) => each.address)

/** Whether the list says nothing, since the plan could not be read. */
export const isUnread = (plan: Plan) =>
  !plan.complete && plan.changes.length + plan.outputs.length === 0
