// What is entered in the run dialog, and the task that it becomes. Plain functions.
import type { Schemas } from '@/api/client'
import {
  ALLOWED,
  linesOf,
  phasesOf,
  phasesText,
  plans,
  RUN_PARAMS,
} from '@/pages/templates/planning'
import type { RunParam } from '@/pages/templates/planning'
import { firstBuild, type Build } from './builds'
import { isAll } from './choice'
import { faultOf, textOf, valueOf, type Fault } from './answers'

export type { SurveyVariable } from './answers'
export type Template = Schemas['Template']
type Asked = Partial<NonNullable<Schemas['NewTask']['params']>>
export type NewTask = Partial<Omit<Schemas['NewTask'], 'params'>> & {
  template_id: number
  params?: Asked
}

export interface Draft {
  /** by the name of the survey's variable */
  answers: Record<string, string>
  message: string
  /** whether the run is for some hosts only: those of `limit`, or none yet if it is empty */
  some: boolean
  /** separated by commas; empty for all hosts, or for those of the template's own limit */
  limit: string
  tags: string
  skipTags: string
  branch: string
  /** one in a line */
  arguments: string
  debug: boolean
  dryRun: boolean
  diff: boolean
  inventory: number | undefined
  /** the build to deploy; 0 until one is chosen, undefined if there is none */
  build: number | undefined
  /** what is chosen of a run that plans */
  planning: RunParam[]
}

/** What the template lets a task choose. */
export interface Choices {
  limit: boolean
  tags: boolean
  skipTags: boolean
  branch: boolean
  arguments: boolean
  debug: boolean
  dryRun: boolean
  inventory: boolean
  /** of a run that plans: what the template does not state already */
  planning: RunParam[]
}

interface Params {
  limit?: unknown
  tags?: unknown
  skip_tags?: unknown
  debug?: unknown
  dry_run?: unknown
  diff?: unknown
  [name: `allow_${string}`]: unknown
}

type RunParams = Params & Partial<Record<RunParam, unknown>>

const paramsOf = (template: Template) => (template.task_params ?? {}) as RunParams

export function choicesOf(template: Template): Choices {
  const own = paramsOf(template)
  const ansible = template.app === 'ansible'
  return {
    limit: ansible && own.allow_override_limit === true,
    tags: ansible && own.allow_override_tags === true,
    skipTags: ansible && own.allow_override_skip_tags === true,
    branch: template.allow_override_branch_in_task,
    arguments: template.allow_override_args_in_task,
    debug: ansible && own.allow_debug === true,
    dryRun: ansible,
    inventory: (ansible || plans(template.app)) && own.allow_override_inventory === true,
    planning: plans(template.app)
      ? RUN_PARAMS.filter((each) => own[each] !== true && isAllowed(each, own))
      : [],
  }
}

/** Whether a run may choose *param*; the template has to permit some of them. */
function isAllowed(param: RunParam, own: Params): boolean {
  const name = `allow_${param}` as const
  return !(ALLOWED as readonly string[]).includes(name) || own[name] === true
}

/** Whether there is a choice beside that of the hosts. */
export const hasOptions = ({ limit: _, planning, ...others }: Choices) =>
  planning.length > 0 || Object.values(others).some(Boolean)

const list = (value: unknown) =>
  Array.isArray(value) ? value.join(',') : typeof value === 'string' ? value : ''

function object(text: string | null | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text || '{}')
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function lines(text: string | null | undefined): string {
  try {
    const value: unknown = JSON.parse(text || '[]')
    return Array.isArray(value) ? value.map(String).join('\n') : ''
  } catch {
    return ''
  }
}

/** Return what the dialog shows at first: of *from*, which used *inventory*, else of the
 * template. */
export function firstDraft(
  template: Template,
  from?: Schemas['Task'],
  limit?: readonly string[],
  inventory?: number,
  builds: readonly Build[] = [],
): Draft {
  const own = paramsOf(template)
  const params: RunParams = { ...own, ...(from?.params as RunParams | undefined) }
  const asked = limit?.join(',') ?? (from?.limit || list(params.limit))
  const may = choicesOf(template)
  const hosts = may.limit ? asked : ownLimit(template)
  const used = may.inventory ? (inventory ?? from?.inventory_id) : undefined
  const before = object(from?.environment)
  const answers: Record<string, string> = {}
  for (const each of template.survey_vars ?? []) {
    const value = each.type === 'secret' ? undefined : before[each.name]
    answers[each.name] = textOf(each, value ?? each.default_value)
  }
  return {
    answers,
    message: from?.message ?? '',
    some: !isAll(hosts),
    limit: hosts,
    tags: list(params.tags),
    skipTags: list(params.skip_tags),
    branch: from?.git_branch ?? template.git_branch ?? '',
    // they follow those of the template
    arguments: plans(template.app)
      ? phasesOf(from?.arguments).plan.join('\n')
      : lines(from?.arguments),
    debug: from?.debug ?? params.debug === true,
    dryRun: from?.dry_run ?? params.dry_run === true,
    diff: from?.diff ?? params.diff === true,
    inventory: used ?? template.inventory_id ?? undefined,
    build: firstBuild(builds, from),
    planning: may.planning.filter((each) => params[each] === true),
  }
}

/** Return whether the run destroys, and whether it only plans: the template may say so too. */
export function kindOf(
  template: Template,
  draft: Draft,
): Pick<Schemas['TaskInList'], 'destroys' | 'plans_only'> {
  const own = paramsOf(template)
  const has = (param: RunParam) =>
    plans(template.app) && (own[param] === true || draft.planning.includes(param))
  return { destroys: has('destroy'), plans_only: has('plan') }
}

/** The key of the build among the faults; no variable has this name. */
export const BUILD = '#build'

/** Return what is wrong with answers, by their names, and with the build. */
export function faults(template: Template, draft: Draft): Record<string, Fault> {
  const found: Record<string, Fault> = {}
  for (const each of template.survey_vars ?? []) {
    const fault = faultOf(each, draft.answers[each.name] ?? '')
    if (fault) found[each.name] = fault
  }
  if (draft.build === 0) found[BUILD] = 'missing'
  return found
}

/** Whether hosts are to be chosen and none is. */
export const lacksHosts = (template: Template, draft: Draft) =>
  choicesOf(template).limit && draft.some && split(draft.limit).length === 0

/** Return the template's own limit. */
export const ownLimit = (template: Template) => list(paramsOf(template).limit)

/** Return the limit of the run: the template's own one where the task has none. */
export function limitOf(template: Template, draft: Draft): string {
  const own = ownLimit(template)
  if (!choicesOf(template).limit) return own
  if (draft.some) return draft.limit
  return isAll(own) ? '' : 'all'
}

const split = (text: string) =>
  text
    .split(',')
    .map((each) => each.trim())
    .filter(Boolean)

/** Return the task to start; what the template does not let a task choose is left out. */
export function bodyOf(template: Template, draft: Draft): NewTask {
  const may = choicesOf(template)
  const own = paramsOf(template)
  const plain: Record<string, unknown> = {}
  const secret: Record<string, string> = {}
  for (const each of template.survey_vars ?? []) {
    const value = draft.answers[each.name] ?? ''
    if (value === '') continue
    if (each.type === 'secret') secret[each.name] = value
    else plain[each.name] = valueOf(each, value)
  }
  const params: Asked = {}
  const limit = limitOf(template, draft)
  if (limit !== ownLimit(template)) params.limit = split(limit)
  if (may.tags && draft.tags !== list(own.tags)) params.tags = split(draft.tags)
  if (may.skipTags && draft.skipTags !== list(own.skip_tags))
    params.skip_tags = split(draft.skipTags)
  if (may.debug) params.debug = draft.debug
  if (may.dryRun) Object.assign(params, { dry_run: draft.dryRun, diff: draft.diff })
  const body: NewTask = {
    template_id: template.id,
    message: draft.message.trim(),
    environment: JSON.stringify(plain),
    secret: JSON.stringify(secret),
    params,
  }
  if (may.branch && draft.branch) body.git_branch = draft.branch
  for (const each of draft.planning) if (may.planning.includes(each)) params[each] = true
  if (may.arguments && plans(template.app)) {
    body.arguments = phasesText({ init: [], plan: linesOf(draft.arguments), apply: [] })
  } else if (may.arguments) {
    body.arguments = JSON.stringify(draft.arguments.split('\n').filter((each) => each !== ''))
  }
  if (may.inventory && draft.inventory) body.inventory_id = draft.inventory
  if (draft.build) body.build_task_id = draft.build
  return body
}

/** Split a command into its parts: a line of the picture for each option and its value. */
export function commandLines(words: readonly string[]): string[][] {
  const found: string[][] = []
  for (const word of words) {
    const last = found.at(-1)
    const isOption = /^-/.test(word)
    const takesValue = last?.length === 1 && /^-\w$|^--[\w-]+$/.test(last[0]!) && !isOption
    if (takesValue) last.push(word)
    else if (!isOption && found.length === 1) last!.push(word)
    else found.push([word])
  }
  return found
}

const SAFE = /^[\w@%+=:,./•{}-]+$/

/** Return *word* as a shell reads it. */
export function quoted(word: string): string {
  return SAFE.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
