// What the page shows of an integration, and what a form makes of it.
import type { Schemas } from '@/api/client'
import type { Mark } from '@/components/status'
import type { KeyType } from '@/pages/keys/keys'

export type Integration = Schemas['Integration']
export type Matcher = Schemas['IntegrationMatcher']
export type Extracted = Schemas['IntegrationValue']
export type Alias = Schemas['IntegrationAlias']
export type DeliveryRow = Schemas['DeliveryInList']
export type Outcome = Schemas['DeliveryResult']['outcome']

export const METHODS = ['none', 'token', 'basic', 'hmac', 'github', 'gitlab', 'bitbucket'] as const
export type Method = (typeof METHODS)[number]

/** The method of an integration; the API writes none as an empty text too. */
export function methodOf(integration: Pick<Integration, 'auth_method'>): Method {
  return METHODS.find((each) => each === integration.auth_method) ?? 'none'
}

/** Whether the integration states the header with the proof. */
export const namesHeader = (method: Method) => method === 'token' || method === 'hmac'

/** The types of keys that can hold the secret. */
export function keyTypes(method: Method): KeyType[] {
  return method === 'basic' ? ['login_password'] : ['login_password', 'string']
}

/** The header in which the sender proves itself; empty if there is none. */
export function headerOf(integration: Pick<Integration, 'auth_method' | 'auth_header'>): string {
  const method = methodOf(integration)
  if (namesHeader(method)) return integration.auth_header
  return {
    none: '',
    basic: 'Authorization',
    github: 'X-Hub-Signature-256',
    gitlab: 'X-Gitlab-Token',
    bitbucket: 'X-Hub-Signature',
  }[method as 'none' | 'basic' | 'github' | 'gitlab' | 'bitbucket']
}

/** Whether the rules hold, which needs no reason. */
export const fits = (outcome: Outcome) => outcome === 'started' || outcome === 'matched'

/** The mark of a result: a ring for nothing to do, red for refused and not started. */
export function markOfOutcome(outcome: Outcome): Mark {
  if (fits(outcome)) return 'ok'
  return outcome === 'unauthenticated' || outcome === 'refused' ? 'fail' : 'off'
}

export interface MatcherDraft {
  name: string
  place: 'json' | 'string' | 'header'
  key: string
  method: Matcher['method']
  value: string
}

export interface ValueDraft {
  name: string
  place: MatcherDraft['place']
  key: string
  variable: string
  type: Extracted['variable_type']
}

export interface Draft {
  name: string
  /** 0 until one is chosen */
  template: number
  method: Method
  /** 0 for none */
  key: number
  header: string
  algorithm: 'sha256' | 'sha512'
  prefix: string
  searchable: boolean
  keepBodies: boolean
  message: string
  matchers: MatcherDraft[]
  values: ValueDraft[]
}

const placeOf = (part: string, type: string): MatcherDraft['place'] =>
  part === 'header' ? 'header' : type === 'string' ? 'string' : 'json'

export function emptyDraft(): Draft {
  return {
    name: '',
    template: 0,
    method: 'none',
    key: 0,
    header: '',
    algorithm: 'sha256',
    prefix: '',
    searchable: false,
    keepBodies: true,
    message: '',
    matchers: [],
    values: [],
  }
}

export function draftOf(item: Integration, matchers: Matcher[], values: Extracted[]): Draft {
  return {
    name: item.name,
    template: item.template_id,
    method: methodOf(item),
    key: item.auth_secret_id ?? 0,
    header: item.auth_header,
    algorithm: item.auth_algorithm === 'sha512' ? 'sha512' : 'sha256',
    prefix: item.auth_prefix ?? '',
    searchable: item.searchable,
    keepBodies: item.keep_bodies ?? false,
    message: String(item.task_params?.message ?? ''),
    matchers: matchers.map((each) => ({
      name: each.name,
      place: placeOf(each.match_type, each.body_data_type),
      key: each.key,
      method: each.method,
      value: each.value,
    })),
    values: values.map((each) => ({
      name: each.name,
      place: placeOf(each.value_source, each.body_data_type),
      key: each.key,
      variable: each.variable,
      type: each.variable_type,
    })),
  }
}

/** The body of a request; *before* has settings that the form does not show. */
export function bodyOf(draft: Draft, before?: Integration) {
  const { method } = draft
  return {
    name: draft.name.trim(),
    template_id: draft.template,
    auth_method: method,
    auth_secret_id: method === 'none' ? null : draft.key,
    auth_header: namesHeader(method) ? draft.header.trim() : '',
    auth_algorithm: method === 'hmac' ? draft.algorithm : '',
    auth_prefix: namesHeader(method) ? draft.prefix : '',
    searchable: draft.searchable,
    keep_bodies: draft.keepBodies,
    task_params: { ...before?.task_params, message: draft.message.trim() },
    matchers: draft.matchers.map((each, i) => ({
      name: each.name.trim() || each.key.trim() || String(i + 1),
      match_type: each.place === 'header' ? 'header' : 'body',
      body_data_type: each.place === 'header' ? '' : each.place,
      key: each.place === 'string' ? '' : each.key.trim(),
      method: each.method,
      value: each.value,
    })),
    extract_values: draft.values.map((each) => ({
      name: each.name.trim() || each.variable.trim(),
      value_source: each.place === 'header' ? 'header' : 'body',
      body_data_type: each.place === 'header' ? '' : each.place,
      key: each.place === 'string' ? '' : each.key.trim(),
      variable: each.variable.trim(),
      variable_type: each.type,
    })),
  }
}

/** Whether nothing is missing that the server would ask for. */
export function complete(draft: Draft): boolean {
  const keyed = (each: MatcherDraft | ValueDraft) =>
    each.place === 'string' || each.key.trim() !== ''
  return (
    draft.name.trim() !== '' &&
    draft.template > 0 &&
    (draft.method === 'none' || draft.key > 0) &&
    (!namesHeader(draft.method) || draft.header.trim() !== '') &&
    draft.matchers.every((each) => keyed(each) && each.value !== '') &&
    draft.values.every((each) => keyed(each) && each.variable.trim() !== '')
  )
}

/** A text as one word of a shell. */
const word = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

/** The JSON body that the matchers accept, as far as their paths are plain keys. */
export function sampleBody(matchers: Matcher[], values: Extracted[]): string {
  const body: Record<string, unknown> = {}
  const paths = [
    ...values
      .filter((each) => each.value_source === 'body' && each.body_data_type === 'json')
      .map(({ key }) => ({ key, value: '…' })),
    ...matchers
      .filter((each) => each.match_type === 'body' && each.body_data_type !== 'string')
      .filter((each) => each.method !== 'unequals')
      .map(({ key, value }) => ({ key, value })),
  ]
  for (const { key, value } of paths) {
    const names = key.split('.')
    if (!names.every((name) => /^[\w-]+$/.test(name))) continue
    let place: Record<string, unknown> = body
    for (const name of names.slice(0, -1)) {
      const inner = place[name]
      place = (place[name] = typeof inner === 'object' && inner !== null ? inner : {}) as Record<
        string,
        unknown
      >
    }
    place[names.at(-1)!] = value
  }
  return JSON.stringify(body)
}

/** A command that sends a delivery; the secret is read from the shell's HOOK_SECRET. */
export function curlCommand(
  item: Integration,
  url: string,
  matchers: Matcher[],
  values: Extracted[],
): string {
  const method = methodOf(item)
  const header = headerOf(item)
  const prefix = (item.auth_prefix ?? '').replace(/["\\$`]/g, '\\$&')
  const lines = ['curl -sS', word(url), `-H 'Content-Type: application/json'`]
  for (const each of matchers) {
    if (each.match_type === 'header' && each.method !== 'unequals')
      lines.push(`-H ${word(`${each.key}: ${each.value}`)}`)
  }
  const before: string[] = []
  if (method === 'token' || method === 'gitlab')
    lines.push(`-H "${header}: ${method === 'token' ? prefix : ''}$HOOK_SECRET"`)
  if (method === 'basic') lines.push(`-u "$HOOK_LOGIN:$HOOK_SECRET"`)
  const body = sampleBody(matchers, values)
  if (method === 'hmac' || method === 'github' || method === 'bitbucket') {
    const hash = (method === 'hmac' && item.auth_algorithm) || 'sha256'
    const sign = method === 'hmac' ? prefix : 'sha256='
    before.push(
      `BODY=${word(body)}`,
      `SIGN=$(printf %s "$BODY" |\n  openssl dgst -${hash} -hmac "$HOOK_SECRET" |\n  sed 's/.* //')`,
    )
    lines.push(`-H "${header}: ${sign}$SIGN"`, `-d "$BODY"`)
  } else lines.push(`-d ${word(body)}`)
  return [...before, lines.join(' \\\n  ')].join('\n')
}

/** The integrations whose name has *text* in it, or whose template. */
export function selected<T extends { name: string; template: string }>(
  all: T[],
  text: string,
): T[] {
  const wanted = text.trim().toLowerCase()
  return all.filter((each) =>
    [each.name, each.template].some((part) => part.toLowerCase().includes(wanted)),
  )
}
