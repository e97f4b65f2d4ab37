// Numbers of bytes in words.
import { number } from '@/locales'

/** Bytes as people write them, such as 1.2 GB. */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = count
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  const digits = unit > 0 && value < 99.95 ? 1 : 0
  return `${number(value, { maximumFractionDigits: digits })} ${units[unit]}`
}
