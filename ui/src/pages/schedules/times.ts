// Times of schedules, in the zone of a schedule and in that of the reader.
import { language, t } from '@/locales'

const DAY = 86_400_000

/** The time zone of the reader. */
export const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone

/** The date of *at* in *zone*, such as 2026-01-31. */
export function dateOf(at: number, zone?: string): string {
  const parts = new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' })
  return parts.format(at)
}

/** The date that is so many *days* after *date*. */
export function dayAfter(date: string, days: number): string {
  const at = new Date(`${date}T00:00:00Z`)
  at.setUTCDate(at.getUTCDate() + days)
  return at.toISOString().slice(0, 10)
}

/** Days before months, and 24 hours, as in expressions. */
const locale = () => (language.value === 'en' ? 'en-GB' : language.value)
const TIME = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const

/** The hour and minute of *at* in *zone*. */
export function clock(at: number, zone: string): string {
  return new Intl.DateTimeFormat(locale(), { timeZone: zone, ...TIME }).format(at)
}

/** The day and time of *at* in *zone*; the year only if it is not that of *now*. */
export function moment(at: number, zone: string, now: number): string {
  if (dateOf(at, zone) === dateOf(now, zone)) {
    return t('schedules.today', { time: clock(at, zone) })
  }
  const day = new Intl.DateTimeFormat(locale(), {
    timeZone: zone,
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: Math.abs(at - now) > 300 * DAY ? 'numeric' : undefined,
  }).format(at)
  return t('schedules.onDay', { day: day.replace(',', ''), time: clock(at, zone) })
}

/** The weekday and time of *at* in *zone*, beside a column that has the date. */
export function shortMoment(at: number, zone: string, now: number): string {
  if (dateOf(at, zone) === dateOf(now, zone)) {
    return t('schedules.today', { time: clock(at, zone) })
  }
  const day = new Intl.DateTimeFormat(locale(), { timeZone: zone, weekday: 'short' }).format(at)
  return `${day} ${clock(at, zone)}`
}

/** Whether both zones show the same time at each of *moments*. */
export function same(zone: string, other: string, moments: readonly string[]): boolean {
  return (
    zone === other ||
    moments.every((each) => {
      const at = Date.parse(each)
      return moment(at, zone, 0) === moment(at, other, 0)
    })
  )
}

/** The name of a zone in a column: its city. */
export const city = (zone: string) => zone.slice(zone.lastIndexOf('/') + 1).replaceAll('_', ' ')

/** The name of a day of the calendar, such as Sun 29. */
export function dayName(date: string): string {
  const [year, month, day] = date.split('-').map(Number)
  const part = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat(locale(), { timeZone: 'UTC', ...options }).format(
      Date.UTC(year!, month! - 1, day),
    )
  const values = { weekday: part({ weekday: 'short' }), day: day! }
  if (day !== 1) return t('schedules.dayName', values)
  return t('schedules.firstName', { ...values, month: part({ month: 'short' }) })
}

/** All zones that the browser knows. */
export const zones = (): string[] => ['UTC', ...Intl.supportedValuesOf('timeZone')]
