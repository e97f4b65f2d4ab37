import { expect, test } from 'vitest'
import { Outline, sectionAt, worst } from '@/log/outline'
import { foldedAtFirst, visible } from '@/log/rows'

const LOG = `Cloning
PLAY [web and mail] *****************************************

TASK [certbot : Read] ***************************************
ok: [web1]
ok: [web2 -> localhost]

TASK [certbot : Renew] **************************************
changed: [web1] => (item=a)
changed: [web1] => (item=b)
fatal: [web2]: UNREACHABLE! => {"msg": "timed out",
    "unreachable": true}

TASK [Optional] *********************************************
fatal: [web1]: FAILED! => {"msg": "x"}
...ignoring

RUNNING HANDLER [Tell] **************************************
skipping: [web1]

PLAY RECAP **************************************************
web1                       : ok=4    changed=1    unreachable=0    failed=0    skipped=1    rescued=0    ignored=1
web2                       : ok=1    changed=0    unreachable=1    failed=0    skipped=0    rescued=0    ignored=0
`
const outline = new Outline()
LOG.split('\n').forEach((text, i) => outline.add(text, 1000 * i))

test('plays, tasks and handlers with their lines', () => {
  expect(outline.sections.map((s) => [s.kind, s.title, s.line, s.end])).toEqual([
    ['play', 'web and mail', 2, 20],
    ['task', 'certbot : Read', 4, 7],
    ['task', 'certbot : Renew', 8, 13],
    ['task', 'Optional', 14, 17],
    ['handler', 'Tell', 18, 20],
    ['recap', '', 21, 24],
  ])
  expect(outline.sections[1]!.stop - outline.sections[1]!.start).toBe(4000)
})

test('results of hosts: the worst one of a task counts once', () => {
  const [play, read, renew, optional] = outline.sections
  expect(read!.counts).toMatchObject({ ok: 2, changed: 0 })
  expect(renew!.counts).toMatchObject({ ok: 0, changed: 1, unreachable: 1 })
  expect(optional!.counts).toMatchObject({ failed: 0, ignored: 1 })
  expect(play!.counts).toMatchObject({ unreachable: 1, ignored: 1 })
  expect(worst(renew!.counts)).toBe('unreachable')
})

test('the recap has the last word on hosts, bad ones first', () => {
  expect(outline.hosts().map((each) => [each.host, each.ok, each.changed])).toEqual([
    ['web2', 1, 0],
    ['web1', 4, 1],
  ])
})

test('an error has the lines of its result; an ignored one does not count', () => {
  expect(outline.realErrors()).toEqual([
    { line: 11, end: 12, host: 'web2', ignored: false, step: false },
  ])
  expect(outline.sections.map((each) => each.errors)).toEqual([1, 0, 1, 0, 0, 0])
})

test('what went well is folded in a failed run', () => {
  const shown: number[] = []
  const folded = (s: (typeof outline.sections)[number]) => foldedAtFirst(s, true)
  visible({ outline, sections: outline.sections, folded, host: 0 }, 24, (n) => shown.push(n))
  expect(shown).toEqual([1, 2, 4, 8, 9, 10, 11, 12, 14, 18, 21, 22, 23, 24])
})

test('the results of one host', () => {
  const shown: number[] = []
  const host = outline.hostNumber('web2')
  visible({ outline, sections: outline.sections, folded: () => false, host }, 24, (n) =>
    shown.push(n),
  )
  expect(shown).toEqual([2, 4, 6, 8, 11, 12, 14, 18, 21, 23])
})

test('a folded play hides its tasks', () => {
  const shown: number[] = []
  const folded = (s: (typeof outline.sections)[number]) => s.kind === 'play'
  visible({ outline, sections: outline.sections, folded, host: 0 }, 24, (n) => shown.push(n))
  expect(shown).toEqual([1, 2, 21, 22, 23, 24])
})

test('the section of a line', () => {
  const at = (line: number) => outline.sections[sectionAt(outline.sections, line)]?.title
  expect([1, 2, 5, 11, 22].map(at)).toEqual([
    undefined,
    'web and mail',
    'certbot : Read',
    'certbot : Renew',
    '',
  ])
})

test('errors of other programs', () => {
  const other = new Outline()
  other.add('Error: no such thing', 0)
  other.add('ERROR! the playbook could not be found', 0)
  expect(other.realErrors().length).toBeGreaterThan(0)
})

test('an error that Ansible announces before its result is one error', () => {
  const announced = new Outline()
  const lines = [
    'PLAY [all] ***',
    'TASK [a] ***',
    'skipping: [web2]',
    '[ERROR]: Task failed: Module failed',
    'Origin: a.yml:9:7',
    '',
    '9  - name: a',
    'fatal: [web1]: FAILED! => {"rc": 1}',
    '...ignoring',
    'TASK [b] ***',
    '[ERROR]: Task failed: refused',
    '',
    'fatal: [web3]: UNREACHABLE! => {"msg": "refused"}',
    '[ERROR]: Task failed: other',
    'fatal: [web4]: FAILED! => {"msg": "x"}',
    '',
    'PLAY RECAP ***',
    'Running playbook failed: exit status 4',
  ]
  lines.forEach((text) => announced.add(text, 0))
  expect(announced.realErrors().map((each) => [each.line, each.end, each.host])).toEqual([
    [11, 13, 'web3'],
    [14, 15, 'web4'],
  ])
  expect(announced.sections.map((each) => each.errors)).toEqual([2, 0, 2, 0])
  expect(announced.kind(6)).toBe(0)
})
