import type { RouteRecordRaw } from 'vue-router'

const component = () => import('./VpnPage.vue')
const meta = { title: 'frame.nav.vpn' } as const

export default [
  { path: '/project/:project(\\d+)/vpn', name: 'vpn', component, meta },
  { path: '/admin/vpn', name: 'admin-vpn', component, meta },
] satisfies RouteRecordRaw[]
