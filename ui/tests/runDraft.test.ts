import { expect, test } from 'vitest'
import { deployable } from '@/run/builds'
import { bodyOf, BUILD, faults, firstDraft, lacksHosts, limitOf, type Template } from '@/run/draft'

const template = (task_params: object) =>
  ({
    id: 7,
    app: 'ansible',
    arguments: null,
    allow_override_args_in_task: false,
    allow_override_branch_in_task: false,
    git_branch: null,
    inventory_id: 3,
    survey_vars: null,
    task_params,
  }) as unknown as Template
const task = (fields: object) => ({ environment: '{}', params: {}, ...fields }) as never
const limited = (made: Template, draft: ReturnType<typeof firstDraft>) =>
  (bodyOf(made, draft).params as { limit?: string[] }).limit

test('a run is for all hosts at first', () => {
  const free = template({ allow_override_limit: true })
  const draft = firstDraft(free)
  expect(draft.some).toBe(false)
  expect(limitOf(free, draft)).toBe('')
  expect(limited(free, draft)).toBeUndefined()
})

test('hosts that are chosen are the limit, and one of them is needed', () => {
  const free = template({ allow_override_limit: true })
  const draft = { ...firstDraft(free), some: true }
  expect(lacksHosts(free, draft)).toBe(true)
  draft.limit = 'web1, db1'
  expect(lacksHosts(free, draft)).toBe(false)
  expect(limited(free, draft)).toEqual(['web1', 'db1'])
  expect(limited(free, { ...draft, some: false })).toBeUndefined()
})

test('all hosts are more than a limit of the template', () => {
  const own = template({ allow_override_limit: true, limit: ['web'] })
  const draft = firstDraft(own)
  expect(draft).toMatchObject({ some: true, limit: 'web' })
  expect(limited(own, draft)).toBeUndefined()
  expect(limited(own, { ...draft, some: false })).toEqual(['all'])
})

test('a template that allows no choice keeps its own limit', () => {
  const fixed = template({ limit: ['web'] })
  const draft = firstDraft(fixed, task({ params: { limit: ['db1'] } }), ['db2'])
  expect(limitOf(fixed, draft)).toBe('web')
  expect(lacksHosts(fixed, { ...draft, limit: '' })).toBe(false)
  expect(limited(fixed, draft)).toBeUndefined()
})

test('a repeated run is for the same hosts, or the wanted ones', () => {
  const free = template({ allow_override_limit: true })
  expect(firstDraft(free, task({ params: { limit: ['db1'] } }))).toMatchObject({
    some: true,
    limit: 'db1',
  })
  expect(firstDraft(free, task({ limit: 'all' })).some).toBe(false)
  expect(firstDraft(free, task({}), ['web1', 'web2']).limit).toBe('web1,web2')
})

test('a repeated run keeps its inventory only where the template lets it choose', () => {
  const free = template({ allow_override_inventory: true })
  const fixed = template({})
  const from = task({ inventory_id: 5 })
  expect(firstDraft(free, from).inventory).toBe(5)
  expect(firstDraft(free, task({ inventory_id: null }), undefined, 9).inventory).toBe(9)
  expect(firstDraft(free).inventory).toBe(3)
  expect(firstDraft(fixed, from, undefined, 9).inventory).toBe(3)
})

const builds = [
  { id: 9, version: '1.0.1' },
  { id: 8, version: '1.0.0' },
]

test('a deployment is of the newest build at first', () => {
  const deploy = template({})
  const draft = firstDraft(deploy, undefined, undefined, undefined, builds)
  expect(bodyOf(deploy, draft).build_task_id).toBe(9)
  expect(faults(deploy, draft)).toEqual({})
})

test('a repeated deployment is of the same build, which has to be chosen if it is gone', () => {
  const deploy = template({})
  const again = (id: number | null) =>
    firstDraft(deploy, task({ build_task_id: id }), undefined, undefined, builds)
  expect(bodyOf(deploy, again(8)).build_task_id).toBe(8)
  for (const gone of [7, null]) {
    expect(faults(deploy, again(gone))).toEqual({ [BUILD]: 'missing' })
    expect(bodyOf(deploy, again(gone))).not.toHaveProperty('build_task_id')
  }
})

test('a run without builds has none to choose', () => {
  const draft = firstDraft(template({}))
  expect(faults(template({}), draft)).toEqual({})
  expect(bodyOf(template({}), draft)).not.toHaveProperty('build_task_id')
})

test('builds that succeeded can be deployed, and deployments by the version of theirs', () => {
  const row = (fields: object) =>
    ({ id: 1, status: 'success', dry_run: false, version: null, ...fields }) as never
  expect(
    deployable([
      row({ id: 5, version: '2' }),
      row({ id: 4, status: 'error' }),
      row({ id: 3, dry_run: true }),
      row({ id: 2, build_task: { version: '1' } }),
    ]),
  ).toEqual([
    { id: 5, version: '2' },
    { id: 2, version: '1' },
  ])
})
