import { describe, expect, it } from 'vitest'
import { readBackup } from '@/pages/start/backup'

const file = (content: string, size = content.length) => ({
  size,
  text: () => Promise.resolve(content),
})

describe('the file of a project', () => {
  it('is summed up, and keeps everything but the name', async () => {
    const content = {
      meta: { name: 'Shop', alert: true },
      keys: [
        { name: 'None', type: 'none' },
        { name: 'Deploy', type: 'ssh' },
      ],
      environments: [{ name: 'Group', secrets: [{ name: 'TOKEN', type: 'env' }] }],
      templates: [],
      unknown: 1,
    }
    const read = await readBackup(file(JSON.stringify(content)))
    if (typeof read === 'string') throw new Error(read)
    expect(read.name).toBe('Shop')
    expect(read.counts).toEqual([
      ['environments', 1],
      ['keys', 2],
    ])
    expect(read.secrets).toBe(2)
    expect(read.runsBySchedule).toBe(false)
    expect(read.body('Other')).toEqual({ ...content, meta: { name: 'Other', alert: true } })
  })

  it('is refused before it is sent if it is something else', async () => {
    for (const content of ['', '{', '[]', '5', 'null', '{"a": []}', '{"keys": {}}'])
      expect(await readBackup(file(content))).toBe('noBackup')
    expect(await readBackup(file('{"keys": []}', 5_000_000))).toBe('tooLarge')
  })

  it('tells whether schedules are switched on', async () => {
    for (const [content, on] of [
      ['{"schedules": [{"active": false}]}', false],
      ['{"schedules": [{"active": true}]}', true],
      ['{"templates": [{"cron": "@daily"}]}', true],
    ] as const) {
      expect(await readBackup(file(content))).toMatchObject({ runsBySchedule: on })
    }
  })

  it('may have odd members', async () => {
    const read = await readBackup(file('{"keys": [null, 5, {"type": []}], "meta": []}'))
    expect(read).toMatchObject({ name: '', counts: [['keys', 1]], secrets: 1 })
  })
})
