// Templates of applications that plan before they apply: Terraform and its like.
import type { Schemas } from '@/api/client'

const PLANNING = ['terraform', 'tofu', 'terragrunt']

/** Whether an application plans, waits for an approval, and applies. */
export const plans = (app: string) => PLANNING.includes(app)

/** Whether an inventory is a workspace of such an application. */
export const isWorkspace = ({ type }: Pick<Schemas['Inventory'], 'type'>) =>
  type === 'terraform-workspace' || type === 'tofu-workspace'

/** The type of the workspaces of an application that plans. */
const workspaceOf = (app: string) => (app === 'tofu' ? 'tofu-workspace' : 'terraform-workspace')

/** The inventories that the server accepts for a run of *template*: its own one, and the
 * workspaces that belong to it, or any hosts if its application does not plan. */
export function fitting<T extends Pick<Schemas['Inventory'], 'id' | 'type' | 'holder_id'>>(
  template: Pick<Schemas['Template'], 'id' | 'app' | 'inventory_id'>,
  inventories: T[],
): T[] {
  const wanted = workspaceOf(template.app)
  return inventories.filter(
    (each) =>
      each.id === template.inventory_id ||
      (plans(template.app)
        ? each.type === wanted && each.holder_id === template.id
        : !isWorkspace(each)),
  )
}

/** Settings of a run, by their names in the API. */
export const RUN_PARAMS = [
  ...(['plan', 'destroy', 'auto_approve', 'upgrade', 'reconfigure', 'migrate_state'] as const),
] as const
export type RunParam = (typeof RUN_PARAMS)[number]

/** What the template may let a run choose; a run may always choose the others. */
export const ALLOWED = [
  'allow_destroy',
  'allow_auto_approve',
  'allow_migrate_state',
  'allow_override_inventory', // also Ansible's
] as const
export type Allowed = (typeof ALLOWED)[number]

const FLAGS = [...RUN_PARAMS, ...ALLOWED, 'override_backend'] as const
export type Flag = (typeof FLAGS)[number]

export const PHASES = ['init', 'plan', 'apply'] as const
export type Phase = (typeof PHASES)[number]
export type Phases = Record<Phase, string[]>

/** What is entered of a template of such an application. */
export interface PlanningDraft {
  flags: Record<Flag, boolean>
  backendFile: string
  /** hours for which an approval may take; empty for a day */
  hours: string
  /** one argument a line */
  init: string
  plan: string
  apply: string
}

const HOUR = 3600
const words = (value: unknown) => (Array.isArray(value) ? value.map(String) : [])

/** Return the arguments of each phase; a list is for the plan. */
export function phasesOf(text: string | null | undefined): Phases {
  let value: unknown
  try {
    value = JSON.parse(text || '[]')
  } catch {
    value = []
  }
  if (Array.isArray(value)) return { init: [], plan: words(value), apply: [] }
  const given = (value ?? {}) as Partial<Record<Phase, unknown>>
  return { init: words(given.init), plan: words(given.plan), apply: words(given.apply) }
}

/** Return the text for the API: a list where only the plan has arguments, null for none. */
export function phasesText({ init, plan, apply }: Phases): string | null {
  if (init.length + apply.length > 0) return JSON.stringify({ init, plan, apply })
  return plan.length > 0 ? JSON.stringify(plan) : null
}

export const linesOf = (text: string) => text.split('\n').filter((each) => each.trim() !== '')

export function planningDraft(
  params: object | null = null,
  args: string | null = null,
): PlanningDraft {
  const own = (params ?? {}) as Record<string, unknown>
  const phases = phasesOf(args)
  const seconds = Number(own.approval_timeout_sec ?? 0)
  return {
    flags: Object.fromEntries(FLAGS.map((each) => [each, own[each] === true])) as Record<
      Flag,
      boolean
    >,
    backendFile: typeof own.backend_filename === 'string' ? own.backend_filename : '',
    hours: seconds ? String(seconds / HOUR) : '',
    init: phases.init.join('\n'),
    plan: phases.plan.join('\n'),
    apply: phases.apply.join('\n'),
  }
}

/** Return the arguments of a draft for the API. */
export const planningArguments = ({ init, plan, apply }: PlanningDraft) =>
  phasesText({ init: linesOf(init), plan: linesOf(plan), apply: linesOf(apply) })

/** Return the parameters of a template that *draft* states. */
export function planningParams(draft: PlanningDraft): object {
  const backend = draft.flags.override_backend ? draft.backendFile.trim() : ''
  return {
    ...draft.flags,
    backend_filename: backend,
    approval_timeout_sec: Math.round(Number(draft.hours) * HOUR),
  }
}

const OF_PLANNING = new Set<string>([...FLAGS, 'backend_filename', 'approval_timeout_sec'])
OF_PLANNING.delete('allow_override_inventory')
const OF_ANSIBLE = new Set(['dry_run', 'diff', 'limit', 'tags', 'skip_tags'])

/** Return those of *params* that apply to *app*; the server refuses the others. */
export function paramsFor(app: string, params: object | null | undefined): object {
  const left = plans(app) ? OF_ANSIBLE : app === 'ansible' ? OF_PLANNING : undefined
  return Object.fromEntries(
    Object.entries(params ?? {}).filter(([name]) =>
      left ? !left.has(name) : !OF_PLANNING.has(name) && !OF_ANSIBLE.has(name),
    ),
  )
}
