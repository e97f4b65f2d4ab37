// The messages of the websocket, and those who wait for them.
import { onScopeDispose } from 'vue'
import type { Schemas } from '@/api/client'

export interface LogMessage {
  type: 'log'
  project_id: number
  task_id: number
  /** the number of the line */
  id: number
  output: string
  time: string
  /** characters of this line that were in messages before */
  offset?: number
  /** whether the line has not ended */
  partial?: boolean
}

export interface UpdateMessage {
  type: 'update'
  project_id: number
  template_id: number
  task_id: number
  status: string
  start: string | null
  end: string | null
  version: string | null
}

/** A play or a task of a run of Ansible has begun. */
export interface ProgressMessage {
  type: 'progress'
  project_id: number
  task_id: number
  play: number
  plays: number
  play_name: string
  task_name: string
}

export interface PeerStatusMessage {
  type: 'vpn_status'
  peers: Schemas['PeerStatus'][]
}

/** An object was changed. */
export interface ChangeMessage {
  type: 'change'
  /** the object type of its event, such as "template" */
  kind: string
  project_id: number | null
  /** null if several objects of the kind were changed */
  id: number | null
  action: 'created' | 'updated' | 'deleted'
}

/** From now on the lines of these tasks arrive; null means all. */
export interface SubscribedMessage {
  type: 'subscribed'
  logs: number[] | null
}

export type Message =
  | LogMessage
  | UpdateMessage
  | ProgressMessage
  | PeerStatusMessage
  | ChangeMessage
  | SubscribedMessage

/** Beside messages: `refresh` says that anything may have changed meanwhile. */
export interface Refresh {
  type: 'refresh'
}

export type Event = Message | Refresh
type Kind = Event['type']
type Listener<K extends Kind> = (event: Extract<Event, { type: K }>) => void

const listeners = new Map<Kind, Set<(event: never) => void>>()

/** Call *listener* for each event of *kind*, until the component goes; or call the
 * returned function to stop earlier. */
export function on<K extends Kind>(kind: K, listener: Listener<K>): () => void {
  const found = listeners.get(kind) ?? new Set()
  listeners.set(kind, found)
  found.add(listener)
  const stop = () => void found.delete(listener)
  onScopeDispose(stop, true)
  return stop
}

export function emit(event: Event): void {
  listeners.get(event.type)?.forEach((each) => each(event as never))
}
