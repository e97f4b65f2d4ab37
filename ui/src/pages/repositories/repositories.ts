// What the page shows of a repository, and what a form makes of it.
import type { Schemas } from '@/api/client'
import { users, type Counts } from '@/components/references'

export type Repository = Schemas['Repository']
export type RepositoryCheck = Schemas['RepositoryCheck']
export type AccessKey = Schemas['AccessKey']

/** A repository with its key, and who uses it in words. */
export interface RepositoryRow extends Repository {
  key?: AccessKey
  usedBy: string
}

type References = Pick<Schemas['Template'], 'repository_id'>[]

/** The rows of a list; *templates* and *inventories* are all of the project. */
export function rows(
  repositories: Repository[],
  keys: AccessKey[],
  templates: References,
  inventories: { repository_id?: number | null }[],
): RepositoryRow[] {
  const of = (id: number, all: { repository_id?: number | null }[]) =>
    all.filter((each) => each.repository_id === id).length
  return repositories.map((each) => {
    const counts: Counts = {
      templates: of(each.id, templates),
      inventories: of(each.id, inventories),
    }
    return {
      ...each,
      key: keys.find((key) => key.id === each.ssh_key_id),
      usedBy: users(counts),
    }
  })
}

/** The rows whose name, URL or branch has *text* in it. */
export function selected(all: RepositoryRow[], text: string): RepositoryRow[] {
  const wanted = text.trim().toLowerCase()
  return all.filter((each) =>
    [each.name, each.git_url, each.git_branch].some((part) => part.toLowerCase().includes(wanted)),
  )
}

export interface Draft {
  name: string
  git_url: string
  git_branch: string
  /** 0 until one is chosen */
  ssh_key_id: number
  /** 0 for none */
  client_certificate_id: number
}

/** The draft of a form: of *item*, or of a new repository without a secret. */
export function draftOf(item: Repository | null, keys: AccessKey[]): Draft {
  return {
    name: item?.name ?? '',
    git_url: item?.git_url ?? '',
    git_branch: item?.git_branch ?? 'main',
    ssh_key_id: item?.ssh_key_id ?? keys.find((key) => key.type === 'none')?.id ?? 0,
    client_certificate_id: item?.client_certificate_id ?? 0,
  }
}

/** Whether git presents a client certificate to the host of this URL. */
export function takesCertificate(url: string): boolean {
  return /^https:\/\//i.test(url.trim())
}

export function body(draft: Draft) {
  return {
    ...draft,
    git_url: draft.git_url.trim(),
    git_branch: draft.git_branch.trim(),
    client_certificate_id: takesCertificate(draft.git_url) ? draft.client_certificate_id : 0,
  }
}

export function complete(draft: Draft): boolean {
  return [draft.name, draft.git_url, draft.git_branch].every((each) => each.trim() !== '')
}
