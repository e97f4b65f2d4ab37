import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/project/:project(\\d+)/inventory',
    name: 'inventory',
    component: () => import('./InventoryPage.vue'),
    meta: { title: 'frame.nav.inventory', texts: ['keys'] },
  },
  {
    path: '/project/:project(\\d+)/inventory/:inventory(\\d+)',
    name: 'inventory-hosts',
    component: () => import('./HostsPage.vue'),
    meta: { title: 'frame.nav.inventory', entry: 'inventory', texts: ['keys', 'states'] },
  },
] satisfies RouteRecordRaw[]
