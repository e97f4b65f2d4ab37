import { expect, it } from 'vitest'
import { cursor, fresh, iconOf, type Event } from '@/pages/activity/events'

const event = (created: string, object_type: string | null = null): Event => ({
  user_id: 1,
  project_id: 1,
  object_id: 1,
  object_type,
  description: '',
  created,
  project_name: null,
  username: null,
  object_name: '',
  integration_id: null,
})

it('finds the cursor of the next part', () => {
  expect(cursor('<?limit=50&before=123>; rel="next"')).toBe(123)
  expect(cursor('<?before=7&limit=50>; rel="next"')).toBe(7)
  expect(cursor('<?limit=50>; rel="next"')).toBeUndefined()
  expect(cursor(null)).toBeUndefined()
})

it('counts what is newer than the list', () => {
  const shown = [event('2026-01-01T10:00:00Z'), event('2026-01-01T09:00:00Z')]
  expect(fresh([event('2026-01-01T11:00:00Z'), ...shown], shown)).toBe(1)
  expect(fresh(shown, shown)).toBe(0)
  expect(fresh(shown, [])).toBe(2)
})

it('has an icon for every kind of object', () => {
  expect(iconOf(event('', 'vpn_peer'))).toBe('i-lucide-shield')
  expect(iconOf(event('', 'key'))).toBe('i-lucide-key-round')
  expect(iconOf(event('', 'something new'))).toBe('i-lucide-circle')
})
