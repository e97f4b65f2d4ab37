// What is entered in the run dialog, and the task that it becomes. Plain functions.
import type { Schemas } from '@/api/client'
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
  /** separated by commas */
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

export function choicesOf(template: Template): Choices {
  const own = template.task_params as Params
  const ansible = template.app === 'ansible'
  return {
    limit: ansible && own.allow_override_limit === true,
    tags: ansible && own.allow_override_tags === true,
    skipTags: ansible && own.allow_override_skip_tags === true,
    branch: template.allow_override_branch_in_task,
    arguments: template.allow_override_args_in_task,
    debug: ansible && own.allow_debug === true,
    dryRun: ansible,
    inventory: ansible && own.allow_override_inventory === true,
  }
}

export const hasChoices = (choices: Choices) => Object.values(choices).some(Boolean)

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

/** Return what the dialog shows at first: of *from*, else of the template. */
export function firstDraft(
  template: Template,
  from?: Schemas['Task'],
  limit?: readonly string[],
): Draft {
  const own = template.task_params as Params
  const params = { ...own, ...(from?.params as Params | undefined) }
  const before = object(from?.environment)
  const answers: Record<string, string> = {}
  for (const each of template.survey_vars ?? []) {
    const value = each.type === 'secret' ? undefined : before[each.name]
    answers[each.name] = textOf(each, value ?? each.default_value)
  }
  return {
    answers,
    message: from?.message ?? '',
    limit: limit?.join(',') ?? (from?.limit || list(params.limit)),
    tags: list(params.tags),
    skipTags: list(params.skip_tags),
    branch: from?.git_branch ?? template.git_branch ?? '',
    arguments: lines(from?.arguments ?? template.arguments),
    debug: from?.debug ?? params.debug === true,
    dryRun: from?.dry_run ?? params.dry_run === true,
    diff: from?.diff ?? params.diff === true,
    inventory: from?.inventory_id ?? template.inventory_id ?? undefined,
  }
}

/** Return what is wrong with answers, by their names. */
export function faults(template: Template, draft: Draft): Record<string, Fault> {
  const found: Record<string, Fault> = {}
  for (const each of template.survey_vars ?? []) {
    const fault = faultOf(each, draft.answers[each.name] ?? '')
    if (fault) found[each.name] = fault
  }
  return found
}

const split = (text: string) =>
  text
    .split(',')
    .map((each) => each.trim())
    .filter(Boolean)

/** Return the task to start; what the template does not let a task choose is left out. */
export function bodyOf(template: Template, draft: Draft): NewTask {
  const may = choicesOf(template)
  const own = template.task_params as Params
  const plain: Record<string, unknown> = {}
  const secret: Record<string, string> = {}
  for (const each of template.survey_vars ?? []) {
    const value = draft.answers[each.name] ?? ''
    if (value === '') continue
    if (each.type === 'secret') secret[each.name] = value
    else plain[each.name] = valueOf(each, value)
  }
  const params: Asked = {}
  if (may.limit && draft.limit !== list(own.limit)) params.limit = split(draft.limit)
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
  if (may.arguments) {
    body.arguments = JSON.stringify(draft.arguments.split('\n').filter((each) => each !== ''))
  }
  if (may.inventory && draft.inventory) body.inventory_id = draft.inventory
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
