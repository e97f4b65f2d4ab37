// The form of a template: what is entered, and the body that the server gets.
import type { Schemas } from '@/api/client'

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
  variables: number | undefined
  view: number | undefined
  /** one argument a line */
  args: string
  overrideArgs: boolean
  overrideBranch: boolean
  overrideLimit: boolean
  parallel: boolean
  survey: SurveyVariable[]
  vaults: { key: number | undefined; name: string }[]
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
    variables: undefined,
    view: undefined,
    args: '',
    overrideArgs: false,
    overrideBranch: false,
    overrideLimit: false,
    parallel: false,
    survey: [],
    vaults: [],
  }
}

export function draftOf(template: Schemas['Template']): Draft {
  const params: object = template.task_params
  return {
    name: template.name,
    description: template.description ?? '',
    app: template.app,
    playbook: template.playbook,
    repository: template.repository_id,
    branch: template.git_branch ?? '',
    inventory: template.inventory_id ?? undefined,
    variables: template.environment_id ?? undefined,
    view: template.view_id ?? undefined,
    args: argumentLines(template.arguments),
    overrideArgs: template.allow_override_args_in_task,
    overrideBranch: template.allow_override_branch_in_task,
    overrideLimit: 'allow_override_limit' in params && params.allow_override_limit === true,
    parallel: template.allow_parallel_tasks,
    survey: (template.survey_vars ?? []).map((each) => ({ ...each })),
    vaults: (template.vaults ?? []).map((each) => ({
      key: each.vault_key_id ?? undefined,
      name: each.name ?? '',
    })),
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
  return {
    type: before?.type ?? '',
    start_version: before?.start_version ?? null,
    build_template_id: before?.build_template_id ?? null,
    autorun: before?.autorun ?? false,
    suppress_success_alerts: before?.suppress_success_alerts ?? false,
    task_params: {
      ...before?.task_params,
      ...(draft.app === 'ansible' && { allow_override_limit: draft.overrideLimit }),
    } as NewTemplate['task_params'],
    name: draft.name,
    description: draft.description || null,
    app: draft.app,
    playbook: draft.playbook.trim(),
    repository_id: draft.repository ?? 0,
    git_branch: draft.branch.trim() || null,
    inventory_id: draft.inventory ?? null,
    environment_id: draft.variables ?? null,
    view_id: draft.view ?? null,
    arguments: args.length > 0 ? JSON.stringify(args) : null,
    allow_override_args_in_task: draft.overrideArgs,
    allow_override_branch_in_task: draft.overrideBranch,
    allow_parallel_tasks: draft.parallel,
    survey_vars: draft.survey.map((each) => ({
      ...each,
      values: each.type === 'enum' ? (each.values ?? []) : null,
    })),
    vaults: draft.vaults
      .filter((each) => each.key !== undefined)
      .map((each) => ({
        vault_key_id: each.key!,
        name: each.name || null,
        type: 'password',
        script: undefined as never,
      })),
  }
}

export function complete(draft: Draft): boolean {
  return (
    draft.name.trim() !== '' &&
    draft.playbook.trim() !== '' &&
    draft.repository !== undefined &&
    (draft.app !== 'ansible' || draft.inventory !== undefined) &&
    draft.survey.every((each) => each.name.trim() !== '')
  )
}
