import { expect, test } from 'vitest'
import { accessWords } from '@/components/accounts'

test.each([
  [{ tokens: 2, sessions: 1, devices: 1 }, '2 tokens, 1 session, 1 VPN device'],
  [{ tokens: 0, sessions: 3, devices: 0 }, '3 sessions'],
  [{ tokens: 0, sessions: 0, devices: 0 }, ''],
])('%o is told as "%s"', (access, words) => {
  expect(accessWords(access)).toBe(words)
})
