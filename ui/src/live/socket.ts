// The websocket: connects again when it ends, and asks by polling while it is down.
import { readonly, ref } from 'vue'
import { socketUrl } from '@/base'
import { findUser } from '@/api/session'
import { emit, type Message } from './bus'

export type State = 'live' | 'connecting' | 'polling' | 'offline'

/** Milliseconds between two refreshes while the websocket is down. */
const POLL = 5_000
/** Milliseconds until the first new attempt; it doubles up to the longest. */
const FIRST = 500
const LONGEST = 15_000

const ACCESS_ENDED = 4401

const current = ref<State>('connecting')
const changed = ref(Date.now())

/** How updates arrive, and since when (milliseconds). */
export const state = readonly(current)
export const since = readonly(changed)

let socket: WebSocket | undefined
let retry: ReturnType<typeof setTimeout> | undefined
let poll: ReturnType<typeof setInterval> | undefined
let wait = FIRST
let wanted = false
/** Whether the server has confirmed a subscription on this connection. */
let subscribed = false
const followed = new Map<number, number>()

function show(next: State): void {
  if (current.value === next) return
  current.value = next
  changed.value = Date.now()
}

/** Connect, and stay connected until {@link stop}. */
export function start(): void {
  if (wanted) return
  wanted = true
  wait = FIRST
  open()
}

export function stop(): void {
  wanted = false
  clearTimeout(retry)
  clearInterval(poll)
  poll = undefined
  socket?.close()
  socket = undefined
  show('connecting')
}

/** Try now instead of at the next attempt. */
export function tryNow(): void {
  if (!wanted || socket?.readyState === WebSocket.OPEN) return
  wait = FIRST
  open()
}

function open(): void {
  clearTimeout(retry)
  if (socket) socket.onclose = socket.onmessage = socket.onopen = null
  socket?.close()
  const opened = new WebSocket(socketUrl)
  socket = opened
  opened.onopen = () => {
    clearInterval(poll)
    poll = undefined
    wait = FIRST
    show('live')
    subscribed = false
    subscribe()
  }
  opened.onmessage = (event) => receive(event.data)
  opened.onclose = (event) => closed(event.code)
}

function receive(text: unknown): void {
  if (typeof text !== 'string') return
  try {
    const message = JSON.parse(text) as Message | { type: 'changes_lost' }
    emit(message.type === 'changes_lost' ? { type: 'refresh' } : message)
    if (message.type !== 'subscribed' || subscribed) return
    subscribed = true
    emit({ type: 'refresh' }) // what was read before may have changed before this message
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
}

function closed(code: number): void {
  if (!wanted) return
  if (code === ACCESS_ENDED) void findUser().catch(() => undefined)
  poll ??= setInterval(refresh, POLL)
  show(navigator.onLine ? 'polling' : 'offline')
  retry = setTimeout(open, wait * (0.75 + Math.random() / 2))
  wait = Math.min(wait * 2, LONGEST)
}

function refresh(): void {
  show(navigator.onLine ? 'polling' : 'offline')
  if (!document.hidden) emit({ type: 'refresh' })
}

/** Receive the log of a task, until the returned function is called. */
export function follow(task: number): () => void {
  followed.set(task, (followed.get(task) ?? 0) + 1)
  subscribe()
  return () => {
    const left = (followed.get(task) ?? 1) - 1
    if (left > 0) followed.set(task, left)
    else followed.delete(task)
    subscribe()
  }
}

function subscribe(): void {
  if (socket?.readyState !== WebSocket.OPEN) return
  socket.send(JSON.stringify({ type: 'subscribe', logs: [...followed.keys()], changes: true }))
}

addEventListener('online', tryNow)
addEventListener('offline', () => poll !== undefined && show('offline'))
