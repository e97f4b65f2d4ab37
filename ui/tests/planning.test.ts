import { expect, test } from 'vitest'
import { standOf } from '@/components/status'
import { bodyOf, complete, draftOf, emptyDraft } from '@/pages/templates/draft'
import {
  fitting,
  paramsFor,
  phasesOf,
  phasesText,
  planningDraft,
  type RunParam,
} from '@/pages/templates/planning'
import {
  bodyOf as taskOf,
  choicesOf,
  firstDraft,
  hasOptions,
  kindOf,
  type Template,
} from '@/run/draft'

const template = (task_params: object, more: object = {}) =>
  ({
    id: 7,
    app: 'terraform',
    playbook: '',
    arguments: null,
    allow_override_args_in_task: false,
    allow_override_branch_in_task: false,
    git_branch: null,
    inventory_id: null,
    survey_vars: null,
    environment_ids: [],
    max_task_duration_sec: 0,
    max_tasks: 0,
    max_task_age_days: 0,
    vaults: null,
    task_params,
    ...more,
  }) as unknown as Template

test('arguments are a list for the plan, or have lists by phase', () => {
  expect(phasesOf('["-x"]')).toEqual({ init: [], plan: ['-x'], apply: [] })
  expect(phasesOf('{"init":["-a"],"apply":["-b"]}')).toEqual({
    init: ['-a'],
    plan: [],
    apply: ['-b'],
  })
  for (const odd of ['', null, 'no JSON', '7', '{"plan":7}']) {
    expect(phasesText(phasesOf(odd))).toBeNull()
  }
  expect(phasesText({ init: [], plan: ['-x'], apply: [] })).toBe('["-x"]')
  expect(phasesText({ init: ['-a'], plan: [], apply: [] })).toBe(
    '{"init":["-a"],"plan":[],"apply":[]}',
  )
})

test('a template is the same after its form', () => {
  const own = {
    plan: true,
    allow_destroy: true,
    override_backend: true,
    backend_filename: 'b.tf',
    approval_timeout_sec: 5400,
  }
  const before = template(own, { arguments: '{"init":["-a"],"plan":["-b"],"apply":[]}' })
  const body = bodyOf(draftOf(before), before)
  expect(body.task_params).toMatchObject({ ...own, destroy: false, auto_approve: false })
  expect(body.arguments).toBe(before.arguments)
  expect(draftOf(before).planning.hours).toBe('1.5')
})

test('a template needs no directory, and an empty time is the usual one', () => {
  const draft = { ...emptyDraft(), name: 'Net', app: 'tofu', repository: 1 }
  expect(complete(draft)).toBe(true)
  expect(complete({ ...draft, app: 'bash' })).toBe(false)
  expect(bodyOf(draft).task_params).toMatchObject({ approval_timeout_sec: 0, plan: false })
  expect(planningDraft({}).hours).toBe('')
})

test('another application takes none of the parameters that it would refuse', () => {
  const params = { auto_approve: true, backend_filename: 'b.tf', limit: ['web'], allow_debug: true }
  expect(paramsFor('ansible', params)).toEqual({ limit: ['web'], allow_debug: true })
  expect(paramsFor('terraform', params)).toEqual({
    auto_approve: true,
    backend_filename: 'b.tf',
    allow_debug: true,
  })
  expect(paramsFor('bash', params)).toEqual({ allow_debug: true })
})

test('a run chooses what the template permits and does not state', () => {
  expect(choicesOf(template({})).planning).toEqual(['plan', 'upgrade', 'reconfigure'])
  const own = template({ plan: true, allow_destroy: true, allow_auto_approve: true })
  expect(choicesOf(own).planning).toEqual(['destroy', 'auto_approve', 'upgrade', 'reconfigure'])
  expect(hasOptions(choicesOf(template({})))).toBe(true)
  expect(choicesOf(template({}, { app: 'bash' })).planning).toEqual([])
  const draft = { ...firstDraft(own), planning: ['destroy' as const, 'migrate_state' as const] }
  expect(taskOf(own, draft).params).toEqual({ destroy: true })
  const free = template({ allow_override_inventory: true })
  expect(taskOf(free, { ...firstDraft(free), inventory: 4 }).inventory_id).toBe(4)
  expect(paramsFor('ansible', free.task_params)).toEqual(free.task_params)
})

test('a repeated run plans as before, and adds its own arguments only', () => {
  const own = template(
    { allow_destroy: true },
    { arguments: '["-own"]', allow_override_args_in_task: true },
  )
  const from = { environment: '{}', params: { destroy: true }, arguments: '["-target=a.b"]' }
  const draft = firstDraft(own, from as never)
  expect(draft).toMatchObject({ planning: ['destroy'], arguments: '-target=a.b' })
  expect(taskOf(own, draft)).toMatchObject({ arguments: '["-target=a.b"]' })
  expect(taskOf(own, firstDraft(own)).arguments).toBeNull()
})

test('the arguments of a run follow those of the template', () => {
  const own = template(
    {},
    { app: 'bash', arguments: '["--mode","fast"]', allow_override_args_in_task: true },
  )
  expect(firstDraft(own).arguments).toBe('')
  expect(taskOf(own, firstDraft(own)).arguments).toBe('[]')
  const again = firstDraft(own, { environment: '{}', arguments: '["-x"]' } as never)
  expect(taskOf(own, again).arguments).toBe('["-x"]')
})

test('a run destroys, or only plans, by its own wish or by that of the template', () => {
  const kind = (own: object, planning: RunParam[] = [], more: object = {}) => {
    const made = template(own, more)
    return kindOf(made, { ...firstDraft(made), planning })
  }
  expect(kind({})).toEqual({ destroys: false, plans_only: false })
  expect(kind({ destroy: true }, ['plan'])).toEqual({ destroys: true, plans_only: true })
  expect(kind({ allow_destroy: true }, ['destroy'])).toMatchObject({ destroys: true })
  expect(kind({ destroy: true }, [], { app: 'bash' })).toMatchObject({ destroys: false })
})

test('a plan that a person rejected has not failed', () => {
  expect(standOf({ status: 'error', rejected_by: 'Bob' })).toBe('rejected')
  expect(standOf({ status: 'error', rejected_by: '' })).toBe('error')
  expect(standOf({ status: 'success', rejected_by: 'Bob' })).toBe('success')
})

test('a run chooses what the server accepts: workspaces of the template, or hosts', () => {
  const inventories = [
    { id: 1, type: 'static' as const, holder_id: null },
    { id: 2, type: 'terraform-workspace' as const, holder_id: 7 },
    { id: 3, type: 'terraform-workspace' as const, holder_id: 8 },
    { id: 4, type: 'terraform-workspace' as const, holder_id: null },
    { id: 5, type: 'tofu-workspace' as const, holder_id: 7 },
    { id: 6, type: 'vpn' as const, holder_id: null },
  ]
  const ids = (app: string, inventory_id: number | null) =>
    fitting({ id: 7, app, inventory_id }, inventories).map((each) => each.id)
  expect(ids('terraform', 4)).toEqual([2, 4])
  expect(ids('terragrunt', null)).toEqual([2])
  expect(ids('tofu', 5)).toEqual([5])
  expect(ids('ansible', 1)).toEqual([1, 6])
  expect(ids('bash', null)).toEqual([1, 6])
})
