// Where the site is: the server writes its base path into <base href>.

/** The base path with a slash at its end, for example "/" or "/semaphore/". */
export const basePath = new URL(document.baseURI).pathname

/** The address of the API, without a slash at its end. */
export const apiUrl = new URL('api', document.baseURI).href

/** The address of the websocket. */
export const socketUrl = `${apiUrl.replace(/^http/, 'ws')}/ws`
