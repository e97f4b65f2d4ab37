import { describe, expect, it } from 'vitest'
import { taskQuery } from '@/pages/tasks/filter'

const none = { search: '', status: '', template: '', user: '', from: '', to: '', before: '' }
const asked = (change: Partial<typeof none>) => {
  const query = taskQuery({ ...none, ...change })
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined))
}

describe('the query of the task history', () => {
  it('asks for one part without a filter', () => {
    expect(asked({})).toEqual({ limit: 51 })
  })
  it('takes the statuses of a choice', () => {
    expect(asked({ status: 'stopped' })).toEqual({ status: 'stopped,rejected', limit: 51 })
  })
  it('includes the last day', () => {
    const { from, to } = asked({ from: '2026-02-28', to: '2026-02-28' })
    expect(from).toBe(new Date(2026, 1, 28).toISOString())
    expect(to).toBe(new Date(2026, 2, 1).toISOString())
  })
  it('leaves out what an address has by mistake', () => {
    const wrong = { status: 'toString', template: '1e9', user: '-1', from: 'soon', before: '0' }
    expect(asked(wrong)).toEqual({ limit: 51 })
  })
})
