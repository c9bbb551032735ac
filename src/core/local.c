/* SPDX-License-Identifier: MIT */
/*
 * Greenlet-local values: a process-wide table of keys, and in each greenlet
 * that sets one an array of values.
 *
 * A key is (generation << 8 | index). Each value carries the generation under
 * which it was set, so what was left under a deleted key is never seen under
 * the next one of that index. The table is written under a lock; readers need
 * none, since an index's generation is one atomic word (odd while in use) and
 * its destructor is written before that.
 */
#include "core/local.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <gev/local.h>

#include "core/greenlet.h"
#include "core/ret.h"

#define INDEX_BITS      8
#define GENERATION_MASK (UINT32_MAX >> INDEX_BITS)

_Static_assert(GEV_KEYS_MAX == 1 << INDEX_BITS, "an index fits its bits");

struct key {
    _Atomic uint32_t generation; /* odd while in use */
    void (*destructor)(void *);  /* or NULL */
};

struct value {
    uint32_t generation; /* under which it was set; 0 for never */
    void *p;             /* as it was given */
};

/**
 * struct gev__locals - one greenlet's values
 */
struct gev__locals {
    unsigned n;       /* entries of @v */
    struct value v[]; /* by the key's index */
};

static struct key keys[GEV_KEYS_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static unsigned index_of(gev_key key)
{
    return key & (GEV_KEYS_MAX - 1);
}

/* The key's record, or NULL if it is none or was deleted. */
static struct key *find(gev_key key)
{
    struct key *k = &keys[index_of(key)];
    uint32_t generation = key >> INDEX_BITS;

    if (!(generation & 1) || atomic_load(&k->generation) != generation) {
        return NULL;
    }
    return k;
}

static void take_lock(void)
{
    pthread_mutex_lock(&lock);
}

static void drop_lock(void)
{
    pthread_mutex_unlock(&lock);
}

/* No thread may hold it at a fork, or the child would wait for ever. Without
   memory for that only such a child is worse off. */
static void watch_forks(void)
{
    (void)pthread_atfork(take_lock, drop_lock, drop_lock);
}

static int create(gev_key *ret_key, void (*destructor)(void *))
{
    for (unsigned i = 0; i < GEV_KEYS_MAX; i++) {
        uint32_t generation = atomic_load(&keys[i].generation);

        if (!(generation & 1)) {
            generation = (generation + 1) & GENERATION_MASK;
            keys[i].destructor = destructor;
            atomic_store(&keys[i].generation, generation);
            *ret_key = generation << INDEX_BITS | i;
            return 0;
        }
    }
    return -EAGAIN;
}

int gev_key_create(gev_key *ret_key, void (*destructor)(void *value))
{
    int rc;

    if (!ret_key) {
        return (int)gev__ret(-EINVAL);
    }
    pthread_once(&once, watch_forks);
    take_lock();
    rc = create(ret_key, destructor);
    drop_lock();
    return (int)gev__ret(rc);
}

int gev_key_delete(gev_key key)
{
    struct key *k;

    take_lock();
    k = find(key);
    if (k) {
        atomic_store(&k->generation,
                     ((key >> INDEX_BITS) + 1) & GENERATION_MASK);
    }
    drop_lock();
    return (int)gev__ret(k ? 0 : -EINVAL);
}

/* The greenlet's values, with room for this index; NULL without memory. */
static struct gev__locals *make_room(struct gev_greenlet *g, unsigned index)
{
    struct gev__more *m = gev__greenlet_more(g);
    unsigned n_old;
    unsigned n = index < 8 ? 8 : GEV_KEYS_MAX;
    struct gev__locals *l;

    if (!m || (m->locals && index < m->locals->n)) {
        return m ? m->locals : NULL;
    }
    n_old = m->locals ? m->locals->n : 0;
    l = realloc(m->locals, sizeof *l + n * sizeof l->v[0]);
    if (!l) {
        return NULL;
    }
    memset(&l->v[n_old], 0, (n - n_old) * sizeof l->v[0]);
    l->n = n;
    m->locals = l;
    return l;
}

int gev_setspecific(gev_key key, const void *value)
{
    const struct key *k = find(key);
    struct gev__core *core;
    struct gev__locals *l;
    int rc = gev__core_start(&core);

    if (rc < 0 || !k) {
        return (int)gev__ret(rc < 0 ? rc : -EINVAL);
    }
    if (core->current == core->hub) {
        return (int)gev__ret(-EPERM);
    }
    if (k->destructor && gev__on_run_stack(core, value)) {
        return (int)gev__ret(-EFAULT);
    }
    l = make_room(core->current, index_of(key));
    if (!l) {
        return (int)gev__ret(-ENOMEM);
    }
    l->v[index_of(key)] = (struct value){key >> INDEX_BITS, (void *)value};
    return 0;
}

void *gev_getspecific(gev_key key)
{
    const struct gev__core *core = gev__core_get();
    const struct gev__extra *x = core ? core->current->extra : NULL;
    const struct gev__locals *l = x && x->more ? x->more->locals : NULL;
    unsigned i = index_of(key);

    if (!l || i >= l->n || l->v[i].generation != key >> INDEX_BITS ||
        !find(key)) {
        return NULL;
    }
    return l->v[i].p;
}

/* The locals are looked up anew each time: a destructor may make them grow. */
bool gev__locals_destroy(const struct gev__more *m)
{
    bool any = false;

    for (unsigned i = 0; m->locals && i < m->locals->n; i++) {
        struct value v = m->locals->v[i];
        void (*destructor)(void *) = keys[i].destructor;

        m->locals->v[i].p = NULL;
        if (v.p && destructor &&
            atomic_load(&keys[i].generation) == v.generation) {
            destructor(v.p);
            any = true;
        }
    }
    return any;
}

void gev__locals_free(struct gev__locals *l)
{
    free(l);
}
