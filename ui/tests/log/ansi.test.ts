import { expect, test } from 'vitest'
import { endStyle, parse, plain, PLAIN } from '@/log/ansi'
import { contrast, legible, paletteColor } from '@/log/colors'

const E = '\u001b'
const shown = (line: string) => parse(line).map((each) => [each.text, each.cls])

test('the sixteen colors are classes', () => {
  expect(shown(`a${E}[31mred${E}[0m b${E}[1;92mg`)).toEqual([
    ['a', ''],
    ['red', 'a-red'],
    [' b', ''],
    ['g', 'a-bold a-green'],
  ])
})

test('markup is text', () => {
  expect(shown(`${E}[31m<script>x</script>${E}[0m <b>`)).toEqual([
    ['<script>x</script>', 'a-red'],
    [' <b>', ''],
  ])
})

test('256 and 24-bit colors are legible on both themes', () => {
  const color = (text: string) => Number.parseInt(text.slice(1), 16)
  for (let n = 16; n < 256; n++) {
    const [piece] = parse(`${E}[38;5;${n}mx`)
    expect(contrast(color(piece!.vars!['--light']!), 0xffffff)).toBeGreaterThanOrEqual(4.5)
    expect(contrast(color(piece!.vars!['--light']!), 0xfdecec)).toBeGreaterThanOrEqual(4.4)
    expect(contrast(color(piece!.vars!['--dark']!), 0x131417)).toBeGreaterThanOrEqual(4.5)
  }
  expect(parse(`${E}[38;2;1;2;3mx`)[0]!.vars!['--light']).toBe('#010203')
  expect(parse(`${E}[38:2::1:2:3mx`)[0]!.vars!['--light']).toBe('#010203')
  expect(legible(0xffff00, 0xffffff)).not.toBe(0xffff00)
  expect(paletteColor(196)).toBe(0xff0000)
})

test('text on a background is legible on it', () => {
  const [piece] = parse(`${E}[30;40mx`)
  expect(piece!.vars!['--back']).toBe('#000000')
  expect(piece!.vars!['--dark']).not.toBe('#000000')
})

test('other sequences are dropped, links keep their text', () => {
  expect(plain(`${E}]8;;http://evil.example${E}\\here${E}]8;;${E}\\ ${E}[2Kend${E}(B${E}M`)).toBe(
    'here end',
  )
  expect(plain('a\u0007b\u0000c')).toBe('abc')
  expect(plain('tab\tstays')).toBe('tab\tstays')
})

test('an incomplete sequence is not shown and hides nothing', () => {
  expect(plain(`abc${E}[3`)).toBe('abc')
  expect(plain(`abc${E}`)).toBe('abc')
  expect(plain(`${E}]0;${'x'.repeat(5000)}`)).toContain('xxx')
})

test('the last state of a line that overwrites itself is shown', () => {
  expect(plain('10 %\r50 %\r100 %')).toBe('100 %')
  expect(plain('100 %\r')).toBe('100 %')
  expect(plain(`done\r${E}[K`)).toBe('done')
  expect(shown(`${E}[32m1\r2`)).toEqual([['2', 'a-green']])
})

test('marks of direction are shown by number', () => {
  expect(shown('a\u202eb')).toEqual([
    ['a', ''],
    ['<U+202E>', 'a-mark'],
    ['b', ''],
  ])
})

test('a style lasts over the end of a line', () => {
  const style = endStyle(`${E}[31mred`, PLAIN)
  expect(parse('more', style)[0]!.cls).toBe('a-red')
  expect(endStyle(`${E}[m`, style)).toEqual(PLAIN)
})

test('hostile lines take little time and few pieces', () => {
  const before = performance.now()
  for (const part of [`${E}[31ma${E}[32mb`, `${E}]`, '\r', `${E}[`, `${E}]8;;`, '\u202e', ';;']) {
    const line = part.repeat(Math.ceil(65_536 / part.length))
    expect(parse(line).length).toBeLessThanOrEqual(502)
    plain(line)
  }
  parse(`${E}[${'1;'.repeat(30_000)}m`)
  expect(performance.now() - before).toBeLessThan(2_000)
})

test('parse and plain agree', () => {
  for (const line of [
    `x${E}[31m${'ab'.repeat(9)}\r\n`,
    `${E}[1m\ta${E}[0m\u202e`,
    `${`${E}[31ma${E}[32mb`.repeat(400)}tail`,
  ]) {
    const joined = parse(line)
      .map((each) => each.text)
      .join('')
    expect(joined).toBe(plain(line))
  }
})
