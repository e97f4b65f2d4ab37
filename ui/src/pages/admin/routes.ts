import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/admin',
    name: 'admin',
    component: () => import('./AdminPage.vue'),
    meta: { title: 'frame.nav.overview' },
  },
  {
    path: '/admin/users',
    name: 'admin-users',
    component: () => import('./UsersPage.vue'),
    meta: { title: 'frame.nav.users' },
  },
  {
    path: '/admin/tasks',
    name: 'admin-tasks',
    component: () => import('./AllTasksPage.vue'),
    meta: { title: 'frame.nav.allTasks' },
  },
] satisfies RouteRecordRaw[]
