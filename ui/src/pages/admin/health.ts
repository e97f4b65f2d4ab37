// The findings about the installation, as rows.
import type { Schemas } from '@/api/client'
import { number, plural, t, type Key } from '@/locales'
import { duration } from '@/times'

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

/** How many findings are not as they should be. */
export function noticed(findings: readonly Finding[]): number {
  return findings.filter((each) => each.level !== 'ok').length
}
