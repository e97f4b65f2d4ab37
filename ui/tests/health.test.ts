import { afterEach, beforeAll, expect, it } from 'vitest'
import { chooseLanguage, loadTexts } from '@/locales'
import { figure, noticed, sentenceOfFinding, size, type Finding } from '@/pages/admin/health'

beforeAll(() => loadTexts('admin', 'common'))
afterEach(() => chooseLanguage(null))

const finding = (more: Partial<Finding>): Finding => ({
  subject: 'tls',
  level: 'ok',
  sentence: '',
  value: null,
  unit: '',
  code: '',
  facts: {},
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

const tls = { origin: 'local-ca', end: '2027-02-28T12:00:00+00:00', reason: '' }
const secrets = { count: 2, total: 7, first: '"old" of project "Demo"' }
const queue = { running: 2, waiting: 1, task: 9, template: 'nightly', since: tls.end }

/** Each code that the server sends, with the facts that come with it. */
const CODES: [string, string, Finding['facts']][] = [
  ['tls', 'proxy', {}],
  ['tls', 'plain', {}],
  ['tls', 'valid', tls],
  ['tls', 'late', tls],
  ['tls', 'expired', tls],
  ['disk', 'full', { reason: 'only 3 MiB are free' }],
  ['disk', 'reserve', { file: '/state/semaphore.db' }],
  ['disk', 'free', { free: 2 ** 31, total: 2 ** 32, folder: '/state' }],
  ['programs', 'missing', { program: 'ssh-agent', command: 'apt install openssh-client' }],
  ['key store', 'opened', { total: 7 }],
  ['key store', 'former', secrets],
  ['key store', 'broken', secrets],
  ['queue', 'tasks', queue],
  ['queue', 'late', queue],
  ['database', 'size', { version: '3.40.1', size: 2 ** 20 }],
  ['vpn', 'pass', { count: 12 }],
]

it('says each finding in the language of the reader', async () => {
  const own = 'the sentence of the server'
  const all = CODES.map(() => new Set<string>())
  for (const language of ['en', 'de'] as const) {
    await chooseLanguage(language)
    CODES.forEach(([subject, code, facts], i) =>
      all[i]!.add(sentenceOfFinding(finding({ subject, code, facts, sentence: own }))),
    )
  }
  all.forEach((said, i) => {
    const shown = [...said].join()
    expect(said.size, `${CODES[i]![0]} ${CODES[i]![1]}: ${shown}`).toBe(2)
    expect(shown).not.toMatch(/the sentence of the server|[{}]|undefined|NaN/)
  })
})

it('shows the sentence of the server for a code that it does not know', () => {
  expect(sentenceOfFinding(finding({ code: 'later', sentence: 'as told' }))).toBe('as told')
  const other = { program: 'perl', command: 'apt install perl' }
  expect(
    sentenceOfFinding(
      finding({ subject: 'programs', code: 'missing', facts: other, sentence: 'told' }),
    ),
  ).toBe('told')
})

it('names the parts of a finding', () => {
  const said = (subject: string, code: string, facts: Finding['facts']) =>
    sentenceOfFinding(finding({ subject, code, facts }))
  expect(said('tls', 'late', tls)).toBe(
    'The certificate of the local CA is valid until Feb 28, 2027 and was not renewed: no reason is known',
  )
  expect(said('disk', 'free', { free: 2 ** 31, total: 2 ** 32, folder: '/state' })).toBe(
    '2 GiB of 4 GiB are free on the disk of /state',
  )
  expect(said('key store', 'opened', { total: 0 })).toBe('No secret is stored')
  expect(said('key store', 'broken', secrets)).toContain('2 of 7 stored secrets cannot be opened')
  expect(said('queue', 'late', queue)).toContain('#9 of nightly has waited since Feb 28, 2027')
})
