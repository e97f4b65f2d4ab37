import { expect, test } from 'vitest'
import { loadTexts } from '@/locales'
import { rows, type Inventory } from '@/pages/inventory/inventory'

const inventory = (id: number) =>
  ({ id, name: `Hosts ${id}`, type: 'static', inventory: 'h' }) as Inventory

test('templates, schedules and integrations use an inventory', async () => {
  await loadTexts('common')
  const [used, free] = rows([inventory(1), inventory(2)], [], {
    templates: [{ inventory_id: 1 }, { inventory_id: null }],
    schedules: [{ task_params: { inventory_id: 1 } }, { task_params: null }],
    integrations: [{ task_params: { inventory_id: 1 } }, { task_params: {} }, {}],
  })
  expect(used!.usedBy).toBe('1 template, 1 integration, 1 schedule')
  expect(free!.usedBy).toBe('')
})
