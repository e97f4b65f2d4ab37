// The form of a template: what is entered, and the body that the server gets.
import type { Schemas } from '@/api/client'
import {
  paramsFor,
  planningArguments,
  planningDraft,
  planningParams,
  plans,
  type PlanningDraft,
} from './planning'
import { sent } from './survey'

export type NewTemplate = Schemas['NewTemplate']
export type SurveyVariable = Schemas['SurveyVariable']

export interface Draft {
  name: string
  description: string
  app: string
  playbook: string
  repository: number | undefined
  branch: string
  inventory: number | undefined
  /** the variable groups, at least one place; a later one wins */
  groups: (number | undefined)[]
  view: number | undefined
  /** one argument a line */
  args: string
  overrideArgs: boolean
  overrideBranch: boolean
  overrideLimit: boolean
  parallel: boolean
  /** whether the end of a successful run is not announced */
  quiet: boolean
  kind: 'task' | 'build' | 'deploy'
  startVersion: string
  /** the template whose builds are deployed */
  source: number | undefined
  autorun: boolean
  /** limits of its own; empty: none */
  minutes: string
  keepRuns: string
  keepDays: string
  survey: SurveyVariable[]
  vaults: Vault[]
  /** of applications that plan */
  planning: PlanningDraft
}

/** A vault password: in a key, or printed by a script of the repository. */
export interface Vault {
  type: 'password' | 'script'
  key: number | undefined
  script: string
  name: string
}

export function emptyDraft(): Draft {
  return {
    name: '',
    description: '',
    app: 'ansible',
    playbook: '',
    repository: undefined,
    branch: '',
    inventory: undefined,
    groups: [undefined],
    view: undefined,
    args: '',
    overrideArgs: false,
    overrideBranch: false,
    overrideLimit: false,
    parallel: false,
    quiet: false,
    kind: 'task',
    startVersion: '',
    source: undefined,
    autorun: false,
    minutes: '',
    keepRuns: '',
    keepDays: '',
    survey: [],
    vaults: [],
    planning: planningDraft(),
  }
}

/** A limit as a text, 0 as an empty one. */
const shown = (limit: number) => (limit ? String(limit) : '')

export function draftOf(template: Schemas['Template']): Draft {
  const params: object = template.task_params ?? {}
  return {
    name: template.name,
    description: template.description ?? '',
    app: template.app,
    playbook: template.playbook,
    repository: template.repository_id,
    branch: template.git_branch ?? '',
    inventory: template.inventory_id ?? undefined,
    groups: template.environment_ids?.length ? [...template.environment_ids] : [undefined],
    view: template.view_id ?? undefined,
    args: plans(template.app) ? '' : argumentLines(template.arguments),
    overrideArgs: template.allow_override_args_in_task,
    overrideBranch: template.allow_override_branch_in_task,
    overrideLimit: 'allow_override_limit' in params && params.allow_override_limit === true,
    parallel: template.allow_parallel_tasks,
    quiet: template.suppress_success_alerts,
    kind: template.type === 'build' || template.type === 'deploy' ? template.type : 'task',
    startVersion: template.start_version ?? '',
    source: template.build_template_id ?? undefined,
    autorun: template.autorun,
    minutes: shown(template.max_task_duration_sec / 60),
    keepRuns: shown(template.max_tasks),
    keepDays: shown(template.max_task_age_days),
    survey: (template.survey_vars ?? []).map((each) => ({ ...each })),
    vaults: (template.vaults ?? []).map((each) => ({
      type: each.type === 'script' ? 'script' : 'password',
      key: each.vault_key_id ?? undefined,
      script: each.script ?? '',
      name: each.name ?? '',
    })),
    planning: plans(template.app)
      ? planningDraft(template.task_params, template.arguments)
      : planningDraft(),
  }
}

/** The arguments of a template, one a line. */
export function argumentLines(text: string | null): string {
  if (!text) return ''
  try {
    const list: unknown = JSON.parse(text)
    return Array.isArray(list) ? list.map(String).join('\n') : text
  } catch {
    return text
  }
}

/** The body; fields that the form does not have stay as they are in *before*. */
export function bodyOf(draft: Draft, before?: Schemas['Template']): Partial<NewTemplate> {
  const args = draft.args.split('\n').filter((each) => each.trim() !== '')
  const isPlanning = plans(draft.app)
  return {
    type: draft.kind === 'task' ? '' : draft.kind,
    start_version: draft.kind === 'build' ? draft.startVersion.trim() || null : null,
    build_template_id: draft.kind === 'deploy' ? (draft.source ?? null) : null,
    autorun: draft.kind === 'deploy' && draft.autorun,
    suppress_success_alerts: draft.quiet,
    max_task_duration_sec: Math.round(Number(draft.minutes) * 60),
    max_tasks: Number(draft.keepRuns),
    max_task_age_days: Number(draft.keepDays),
    task_params: {
      ...paramsFor(draft.app, before?.task_params),
      ...(isPlanning && planningParams(draft.planning)),
      ...(draft.app === 'ansible' && { allow_override_limit: draft.overrideLimit }),
    } as NewTemplate['task_params'],
    name: draft.name,
    description: draft.description || null,
    app: draft.app,
    playbook: draft.playbook.trim(),
    repository_id: draft.repository ?? 0,
    git_branch: draft.branch.trim() || null,
    inventory_id: draft.inventory ?? null,
    environment_id: null,
    environment_ids: draft.groups.filter((each) => each !== undefined),
    view_id: draft.view ?? null,
    arguments: isPlanning
      ? planningArguments(draft.planning)
      : args.length > 0
        ? JSON.stringify(args)
        : null,
    allow_override_args_in_task: draft.overrideArgs,
    allow_override_branch_in_task: draft.overrideBranch,
    allow_parallel_tasks: draft.parallel,
    survey_vars: draft.survey.map(sent),
    vaults: draft.vaults
      .filter((each) => (each.type === 'script' ? each.script.trim() : each.key) !== undefined)
      .map((each) => ({
        vault_key_id: each.type === 'script' ? null : each.key!,
        script: each.type === 'script' ? each.script.trim() : null,
        name: each.name || null,
        type: each.type,
      })),
  }
}

export function complete(draft: Draft): boolean {
  return (
    draft.name.trim() !== '' &&
    (plans(draft.app) || draft.playbook.trim() !== '') &&
    draft.repository !== undefined &&
    (draft.app !== 'ansible' || draft.inventory !== undefined) &&
    (draft.kind !== 'deploy' || draft.source !== undefined) &&
    draft.vaults.every((each) => each.type === 'password' || each.script.trim() !== '') &&
    draft.survey.every((each) => each.name.trim() !== '')
  )
}
