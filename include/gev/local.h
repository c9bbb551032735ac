/* SPDX-License-Identifier: MIT */
/*
 * gev/local.h - values that each greenlet has for itself
 *
 * As pthread_key_create(3) for threads. A key is valid in all threads of the
 * process; each greenlet, main included, has a value of its own under it, NULL
 * until set. Not for the hub.
 */
#ifndef GEV_LOCAL_H
#define GEV_LOCAL_H

#include <gev/base.h>

GEV_BEGIN_DECLS

/* Keys that may exist at a time. */
#define GEV_KEYS_MAX 256

/* typedef gev_key - a name under which each greenlet has a value; 0 is none */
typedef uint32_t gev_key;

/**
 * gev_key_create() - make a key
 * @ret_key:    receives it
 * @destructor: called with a greenlet's value when that greenlet ends, on that
 *              greenlet, after what gev_defer() recorded, unless the value is
 *              NULL; may wait inside a shield, as deferred functions may; may
 *              be NULL. The value is NULL by then; if destructors set values
 *              anew they are called again, four rounds at most.
 *
 * Switches:  never
 * Context:   any thread
 * Return:    0, or -1 with errno set:
 *              EINVAL  @ret_key is NULL
 *              EAGAIN  there are GEV_KEYS_MAX keys already
 * See:       pthread_key_create(3); gevent.local
 */
GEV_API int gev_key_create(gev_key *ret_key, void (*destructor)(void *value));

/**
 * gev_key_delete() - a key is not used any more
 * @key: of gev_key_create()
 *
 * Values that greenlets still have under it are forgotten; no destructor is
 * called for them.
 *
 * Context:   any thread
 * Return:    0, or -1 with errno EINVAL (there is no such key)
 */
GEV_API int gev_key_delete(gev_key key);

/**
 * gev_setspecific() - set the current greenlet's value
 * @key:   of gev_key_create()
 * @value: kept as it is; with a destructor not a pointer into a run stack,
 *         since the frames are gone when that is called
 *
 * Switches:  never
 * Context:   any greenlet; not the hub
 * Return:    0, or -1 with errno set:
 *              EINVAL  there is no such key
 *              EFAULT  @value points into a run stack, and has a destructor
 *              ENOMEM  no memory
 *              EPERM   on the hub
 */
GEV_API int gev_setspecific(gev_key key, const void *value);

/**
 * gev_getspecific() - the current greenlet's value
 * @key: of gev_key_create()
 *
 * Switches:  never
 * Return:    the value; NULL if none was set or there is no such key
 */
GEV_API void *gev_getspecific(gev_key key);

GEV_END_DECLS

#endif
