import { expect, test } from 'vitest'
import { bodyOf, firstDraft, lacksHosts, limitOf, type Template } from '@/run/draft'

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
