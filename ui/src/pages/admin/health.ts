// The findings about the installation, as rows.
import type { Schemas } from '@/api/client'
import { number, plural, t, type Key } from '@/locales'
import { day, duration, exact } from '@/times'

export type Finding = Schemas['HealthFinding']

const SUBJECTS: Record<string, Key> = {
  tls: 'admin.subject.tls',
  vpn: 'admin.subject.vpn',
  'key store': 'admin.subject.keys',
  disk: 'admin.subject.disk',
  queue: 'admin.subject.queue',
  database: 'admin.subject.database',
  programs: 'admin.subject.programs',
  versions: 'admin.subject.versions',
}

export function subjectOf(finding: Finding): string {
  const key = SUBJECTS[finding.subject]
  return key ? t(key) : finding.subject
}

const DAY = 86_400
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** Bytes as people read them, such as 1.4 GiB. */
export function size(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10))
  const shown = number(bytes / 1024 ** power, { maximumFractionDigits: power > 2 ? 1 : 0 })
  return `${shown} ${UNITS[power]}`
}

/** The figure at the end of a row; empty if a finding has none. */
export function figure({ subject, value, unit }: Finding): string {
  if (value == null) return ''
  switch (unit) {
    case 'seconds':
      return value > DAY
        ? plural('admin.inDays', Math.floor(value / DAY))
        : t('admin.inTime', { time: duration(Math.max(0, value) * 1000) })
    case 'bytes':
      return subject === 'disk' ? t('admin.free', { size: size(value) }) : size(value)
    case 'tasks':
      return value > 0 ? plural('admin.waiting', value) : ''
    case 'secrets':
      return value > 0 ? plural('admin.broken', value) : ''
    default:
      return unit ? `${number(value)} ${unit}` : number(value)
  }
}

const ORIGINS: Record<string, Key> = {
  files: 'admin.finding.origin.files',
  'local-ca': 'admin.finding.origin.local',
  acme: 'admin.finding.origin.acme',
}
const PURPOSES: Record<string, Key> = {
  git: 'admin.finding.purpose.git',
  ssh: 'admin.finding.purpose.ssh',
  'ssh-agent': 'admin.finding.purpose.agent',
  'ansible-playbook': 'admin.finding.purpose.ansible',
}

/** The sentence of a finding in the reader's language; the server's own if that is not known. */
export function sentenceOfFinding({ subject, code, facts = {}, sentence }: Finding): string {
  const text = (name: string) => String(facts[name] ?? '')
  const count = (name: string) => number(Number(facts[name]))
  const bytes = (name: string) => size(Number(facts[name]))
  switch (`${subject} ${code}`) {
    case 'tls proxy':
      return t('admin.finding.tls.proxy')
    case 'tls plain':
      return t('admin.finding.tls.plain')
    case 'tls valid':
    case 'tls late':
    case 'tls expired': {
      const origin = ORIGINS[text('origin')]
      if (!origin) return sentence
      return t(`admin.finding.tls.${code as 'valid' | 'late' | 'expired'}`, {
        certificate: t(origin),
        end: day(Date.parse(text('end'))),
        reason: text('reason') || t('admin.finding.tls.noReason'),
      })
    }
    case 'disk full':
      return t('admin.finding.disk.full', { reason: text('reason') })
    case 'disk reserve':
      return t('admin.finding.disk.reserve', { file: text('file') })
    case 'disk free':
      return t('admin.finding.disk.free', {
        free: bytes('free'),
        total: bytes('total'),
        folder: text('folder'),
      })
    case 'programs missing': {
      const purpose = PURPOSES[text('program')]
      if (!purpose) return sentence
      const values = { program: text('program'), command: text('command') }
      return t('admin.finding.programs.missing', { ...values, purpose: t(purpose) })
    }
    case 'key store opened':
      return plural('admin.finding.keys.opened', Number(facts.total))
    case 'key store former':
    case 'key store broken':
      return t(`admin.finding.keys.${code as 'former' | 'broken'}`, {
        count: count('count'),
        total: count('total'),
        first: text('first'),
      })
    case 'queue tasks':
    case 'queue late':
      return t(`admin.finding.queue.${code as 'tasks' | 'late'}`, {
        running: count('running'),
        waiting: count('waiting'),
        task: text('task'),
        template: text('template'),
        since: facts.since ? exact(Date.parse(text('since'))) : '',
      })
    case 'database size':
      return t('admin.finding.database.size', { version: text('version'), size: bytes('size') })
    case 'vpn pass':
      return plural('admin.finding.vpn.pass', Number(facts.count))
    default:
      return sentence
  }
}

/** How many findings are not as they should be. */
export function noticed(findings: readonly Finding[]): number {
  return findings.filter((each) => each.level !== 'ok').length
}
