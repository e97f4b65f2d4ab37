// The form of an integration, and the command that calls it.
import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import {
  bodyOf,
  complete,
  curlCommand,
  draftOf,
  emptyDraft,
  headerOf,
  sampleBody,
  type Extracted,
  type Integration,
  type Matcher,
} from '@/pages/integrations/integrations'

const item: Integration = {
  id: 1,
  name: 'push',
  project_id: 1,
  template_id: 7,
  auth_method: 'github',
  auth_secret_id: 3,
  auth_header: '',
  searchable: false,
  task_params: { git_branch: 'main' as never },
}
const matcher: Matcher = {
  id: 1,
  name: 'main',
  integration_id: 1,
  match_type: 'body',
  method: 'equals',
  body_data_type: 'json',
  key: 'ref',
  value: "it's $main",
}
const value: Extracted = {
  id: 1,
  name: 'commit',
  integration_id: 1,
  value_source: 'body',
  body_data_type: 'json',
  key: 'head.id',
  variable: 'commit',
  variable_type: 'environment',
}

test('what was read is what is sent, and settings that are not shown stay', () => {
  const body = bodyOf(draftOf(item, [matcher], [value]), item)
  expect(body).toMatchObject({
    name: 'push',
    template_id: 7,
    auth_method: 'github',
    auth_secret_id: 3,
    task_params: { git_branch: 'main', message: '' },
    matchers: [{ name: 'main', match_type: 'body', body_data_type: 'json', key: 'ref' }],
    extract_values: [{ name: 'commit', key: 'head.id', variable: 'commit' }],
  })
})

test('what the method does not use is not sent', () => {
  const draft = { ...emptyDraft(), method: 'none' as const, key: 3, header: 'X', prefix: 'y' }
  expect(bodyOf(draft)).toMatchObject({
    auth_secret_id: null,
    auth_header: '',
    auth_prefix: '',
    auth_algorithm: '',
  })
})

test('a form is complete once the server would ask for nothing more', () => {
  const draft = { ...emptyDraft(), name: 'a', template: 1 }
  expect(complete(draft)).toBe(true)
  expect(complete({ ...draft, method: 'gitlab' })).toBe(false)
  expect(complete({ ...draft, method: 'token', key: 1 })).toBe(false)
  expect(complete({ ...draft, method: 'token', key: 1, header: 'X-T' })).toBe(true)
  const part = { name: '', place: 'json' as const, key: '', method: 'equals' as const, value: 'x' }
  expect(complete({ ...draft, matchers: [part] })).toBe(false)
  expect(complete({ ...draft, matchers: [{ ...part, place: 'string' }] })).toBe(true)
})

test('a sample has what the matchers want, as far as paths are plain', () => {
  expect(JSON.parse(sampleBody([matcher], [value]))).toEqual({
    ref: "it's $main",
    head: { id: '…' },
  })
  expect(sampleBody([{ ...matcher, key: 'a[0].__proto__' }], [])).toBe('{}')
})

test('the command is one of a shell, and has no secret', () => {
  const command = curlCommand(item, 'https://host/api/integrations/abc', [matcher], [])
  expect(headerOf(item)).toBe('X-Hub-Signature-256')
  // curl is a function here that prints its arguments, one a line
  const script = `curl() { printf '<%s>\\n' "$@"; }\n${command}`
  const printed = execFileSync('sh', ['-c', script], { env: { ...process.env, HOOK_SECRET: 'k' } })
  expect(String(printed)).toContain(`<{"ref":"it's $main"}>`)
  expect(String(printed)).toMatch(/<X-Hub-Signature-256: sha256=[0-9a-f]{64}>/)
  for (const method of ['token', 'basic', 'hmac', 'gitlab', 'bitbucket', 'none']) {
    const other = { ...item, auth_method: method, auth_header: 'X-A', auth_prefix: '$(id)"' }
    const text = curlCommand(other, 'https://host/', [], [])
    const out = execFileSync('sh', ['-c', `curl() { printf '<%s>\\n' "$@"; }\n${text}`], {
      env: { ...process.env, HOOK_SECRET: 'quiet', HOOK_LOGIN: 'me' },
    })
    expect(String(out)).not.toContain('uid=')
    expect(text).not.toContain('quiet')
  }
})
