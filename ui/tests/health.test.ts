import { beforeAll, expect, it } from 'vitest'
import { loadTexts } from '@/locales'
import { figure, noticed, size, type Finding } from '@/pages/admin/health'

beforeAll(() => loadTexts('admin', 'common'))

const finding = (more: Partial<Finding>): Finding => ({
  subject: 'tls',
  level: 'ok',
  sentence: '',
  value: null,
  unit: '',
  ...more,
})

it('writes sizes as people do', () => {
  expect(size(0)).toBe('0 B')
  expect(size(1023)).toBe('1,023 B')
  expect(size(1.5 * 2 ** 20)).toBe('2 MiB')
  expect(size(1.45 * 2 ** 30)).toBe('1.5 GiB')
})

it('shows the figure of a finding by its unit', () => {
  expect(figure(finding({ value: 61.5 * 86_400, unit: 'seconds' }))).toBe('ends in 61 days')
  expect(figure(finding({ value: 3_700, unit: 'seconds' }))).toBe('ends in 1h 01m')
  expect(figure(finding({ subject: 'disk', value: 2 ** 31, unit: 'bytes' }))).toBe('2 GiB free')
  expect(figure(finding({ value: 1, unit: 'tasks' }))).toBe('1 waits')
  expect(figure(finding({ value: 0, unit: 'tasks' }))).toBe('')
  expect(figure(finding({ value: 0, unit: 'secrets' }))).toBe('')
  expect(figure(finding({}))).toBe('')
})

it('counts what is to look at', () => {
  expect(noticed([finding({}), finding({ level: 'error' }), finding({ level: 'warning' })])).toBe(2)
})
