// An expression in words. The server has parsed it: these are its numbers.
import type { Schemas } from '@/api/client'
import { language, number, t } from '@/locales'

type Parts = Schemas['CronParts']

/** Most times of a day that are listed. */
const MOST_TIMES = 6

const two = (value: number) => String(value).padStart(2, '0')

function list(words: readonly string[]): string {
  return new Intl.ListFormat(language.value, { type: 'conjunction' }).format(words)
}

const numbers = (values: readonly number[]) => list(values.map((each) => number(each)))

/** The step of *values*, if they are every so many of *all* from the first on. */
function step(values: readonly number[], all: number): number | undefined {
  const size = all / values.length
  return values.length > 1 && values.every((each, at) => each === at * size) ? size : undefined
}

function interval(seconds: number): string {
  const parts: [number, 'hours' | 'minutes' | 'seconds'][] = [
    [Math.floor(seconds / 3600), 'hours'],
    [Math.floor((seconds % 3600) / 60), 'minutes'],
    [seconds % 60, 'seconds'],
  ]
  const words = parts.filter(([n]) => n > 0).map(([n, unit]) => t(`schedules.unit.${unit}`, { n }))
  return t('schedules.words.interval', { time: words.join(' ') })
}

/** The time of day; *alone* if it says how often, and not at which times. */
function times(parts: Parts): { text: string; alone: boolean } {
  const { minutes, hours } = parts
  const alone = (text: string) => ({ text, alone: true })
  if (!hours) {
    if (!minutes) return alone(t('schedules.words.eachMinute'))
    const every = step(minutes, 60)
    if (every) return alone(t('schedules.words.minutes', { n: every }))
    if (minutes.length === 1 && minutes[0] === 0) return alone(t('schedules.words.eachHour'))
    return alone(t('schedules.words.atMinutes', { minutes: numbers(minutes) }))
  }
  if (!minutes) {
    if (hours.length === 1) {
      const hour = two(hours[0]!)
      return alone(t('schedules.words.minutesOfHour', { from: `${hour}:00`, to: `${hour}:59` }))
    }
    return alone(t('schedules.words.minutesOfHours', { hours: numbers(hours) }))
  }
  if (minutes.length * hours.length <= MOST_TIMES) {
    const all = hours.flatMap((hour) => minutes.map((minute) => `${two(hour)}:${two(minute)}`))
    return { text: list(all), alone: false }
  }
  const every = step(hours, 24)
  const values = { minutes: numbers(minutes), hours: numbers(hours) }
  if (every) return alone(t('schedules.words.hours', { n: every, minutes: values.minutes }))
  return alone(t('schedules.words.minutesAtHours', values))
}

function weekdays(values: readonly number[]): string {
  // 2026-02-01 was a Sunday
  const name = (day: number) =>
    new Intl.DateTimeFormat(language.value, { weekday: 'long', timeZone: 'UTC' }).format(
      Date.UTC(2026, 1, 1 + day),
    )
  const fromMonday = values.map((each) => each || 7).sort((a, b) => a - b)
  const [first, last] = [fromMonday[0]!, fromMonday.at(-1)!]
  if (fromMonday.length > 2 && last - first === fromMonday.length - 1) {
    return t('schedules.words.range', { from: name(first), to: name(last) })
  }
  return list(fromMonday.map(name))
}

/** The days; empty for every day. */
function days(parts: Parts): string {
  const ofMonth = parts.days && t('schedules.words.days', { days: numbers(parts.days) })
  const ofWeek = parts.weekdays && weekdays(parts.weekdays)
  if (ofMonth && ofWeek) {
    return t(parts.both_days ? 'schedules.words.both' : 'schedules.words.either', {
      weekdays: ofWeek,
      days: ofMonth,
    })
  }
  return ofMonth ?? ofWeek ?? ''
}

function months(values: readonly number[]): string {
  const name = (month: number) =>
    new Intl.DateTimeFormat(language.value, { month: 'long', timeZone: 'UTC' }).format(
      Date.UTC(2026, month - 1, 1),
    )
  return t('schedules.words.months', { months: list(values.map(name)) })
}

/** Return the expression with these numbers in words. */
export function inWords(parts: Parts): string {
  if (parts.every) return interval(parts.every)
  const { text, alone } = times(parts)
  const on = days(parts)
  const said = alone
    ? [text, on].filter(Boolean).join(', ')
    : t('schedules.words.at', { days: on || t('schedules.words.daily'), times: text })
  const whole = [said, parts.months && months(parts.months)].filter(Boolean).join(', ')
  return whole[0]!.toLocaleUpperCase(language.value) + whole.slice(1)
}
