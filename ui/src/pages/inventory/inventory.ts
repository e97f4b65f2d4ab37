// What the pages show of an inventory, and what a form makes of it.
import type { Schemas } from '@/api/client'
import { users } from '@/components/references'

export type Inventory = Schemas['Inventory']
export type InventoryType = Schemas['InventoryType']
export type AccessKey = Schemas['AccessKey']
export type Repository = Schemas['Repository']

/** An inventory with its key, and who uses it in words. */
export interface InventoryRow extends Inventory {
  key?: AccessKey
  usedBy: string
}

/** The types that can be made. */
export const TYPES = [
  'static',
  'static-yaml',
  'file',
  'vpn',
  'terraform-workspace',
  'tofu-workspace',
] as const

/** The rows of a list; *templates* are all of the project. */
export function rows(
  inventories: Inventory[],
  keys: AccessKey[],
  templates: { inventory_id?: number | null }[],
): InventoryRow[] {
  return inventories.map((each) => ({
    ...each,
    key: keys.find((key) => key.id === each.ssh_key_id),
    usedBy: users({
      templates: templates.filter((template) => template.inventory_id === each.id).length,
    }),
  }))
}

/** The rows whose name has *text* in it, or whose file. */
export function selected(all: InventoryRow[], text: string): InventoryRow[] {
  const wanted = text.trim().toLowerCase()
  return all.filter((each) =>
    [each.name, each.type === 'file' ? each.inventory : ''].some((part) =>
      part.toLowerCase().includes(wanted),
    ),
  )
}

export function lineCount(text: string): number {
  return text.trim() === '' ? 0 : text.trimEnd().split('\n').length
}

export interface Draft {
  name: string
  type: InventoryType
  inventory: string
  /** 0 for none, as the following */
  ssh_key_id: number
  become_key_id: number
  repository_id: number
}

export function draftOf(item: Inventory | null): Draft {
  return {
    name: item?.name ?? '',
    type: item?.type ?? 'static',
    inventory: item?.inventory ?? '',
    ssh_key_id: item?.ssh_key_id ?? 0,
    become_key_id: item?.become_key_id ?? 0,
    repository_id: item?.repository_id ?? 0,
  }
}

/** The body that stores a draft; *item* keeps what the form does not show. */
export function body(draft: Draft, item: Inventory | null) {
  const file = draft.type === 'file'
  return {
    ...draft,
    inventory: file ? draft.inventory.trim() : draft.inventory,
    ssh_key_id: draft.ssh_key_id || null,
    become_key_id: draft.become_key_id || null,
    repository_id: (file && draft.repository_id) || null,
    holder_id: item?.holder_id ?? null,
  }
}

export function complete(draft: Draft): boolean {
  return draft.name.trim() !== '' && (draft.type !== 'file' || draft.inventory.trim() !== '')
}
