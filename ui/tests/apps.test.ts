import { expect, test } from 'vitest'
import { argumentsOf, body, draftOf, selected, type App } from '@/pages/apps/apps'

const PERL: App = {
  id: 'perl',
  title: 'Perl',
  icon: '',
  color: '',
  dark_color: '',
  active: true,
  installed: true,
  path: '/usr/bin/perl',
  args: ['-w', ''],
  priority: 5,
  custom: true,
  changed: [],
  takes_arguments: true,
  found: '/usr/bin/perl',
  install: '',
  package: '',
  templates: 0,
}

test('an argument is a line', () => {
  expect(argumentsOf('')).toEqual([])
  expect(argumentsOf('-e\n')).toEqual(['-e'])
  expect(argumentsOf('a b\n\n-x')).toEqual(['a b', '', '-x'])
})

test('only what was changed is sent', () => {
  const first = draftOf(PERL)
  expect(body(first, first)).toEqual({})
  expect(body({ ...first, title: ' ', args: '-w\n-x' }, first)).toEqual({
    title: null,
    args: ['-w', '-x'],
  })
  expect(body({ ...draftOf(undefined), id: 'awk', path: 'awk' }, draftOf(undefined))).toEqual({
    path: 'awk',
  })
})

test('every word of the filter counts', () => {
  expect(selected([PERL], 'bin PERL')).toEqual([PERL])
  expect(selected([PERL], 'perl ruby')).toEqual([])
})
