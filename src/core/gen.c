/* SPDX-License-Identifier: MIT */
/*
 * Generators: a greenlet that is switched to for each value.
 *
 * Happy path: gev_gen_next() notes who asks and switches to the body; the body
 * copies its value into the generator's record and switches back; the asker
 * copies it out. Whoever asks may be another greenlet each time.
 *
 * Failure modes: the function ends, in whatever way: a function deferred first,
 * so called last, makes the asker the body's parent, which is where an end
 * leads. The generator is freed early: the core throws ECANCELED into the body
 * until it has ended; if somebody else holds a reference to it, or the hub has
 * it, the record stays until it has. The body waits in the hub: the asker stands in its switch
 * meanwhile, and is switched to when the body has its value.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <gev/gen.h>

#include "core/greenlet.h"
#include "core/ret.h"

struct gev_gen {
    struct gev_greenlet *body;  /* runs fn; referenced */
    struct gev_greenlet *asker; /* in gev_gen_next(), referenced, or NULL */
    gev_gen_fn *fn;             /* what yields */
    void *arg;                  /* for it */
    size_t item_size;           /* bytes of @item */
    bool ended;                 /* fn has returned, or will never run */
    bool freed;                 /* by its user: goes when the body has ended */
    bool has_item;              /* @item holds a value to be taken */
    char item[];                /* on its way */
};

static void on_body_end(void *arg)
{
    struct gev_gen *gen = arg;

    gen->ended = true;
    if (gen->freed) {
        free(gen);
    } else if (gen->asker) {
        (void)gev_set_parent(gen->body, gen->asker);
    }
}

static void *body_main(void *arg)
{
    struct gev_gen *gen = arg;

    gen->fn(gen, gen->arg);
    return NULL;
}

static struct gev_gen *make(struct gev__core *core, gev_gen_fn *fn, void *arg,
                            size_t item_size)
{
    struct gev_gen *gen = malloc(sizeof *gen + item_size);

    if (!gen) {
        return NULL;
    }
    *gen = (struct gev_gen){.fn = fn, .arg = arg, .item_size = item_size};
    gen->body = gev_greenlet_new(body_main, 0);
    if (!gen->body) {
        goto err_free;
    }
    /* Its last parent, if nobody asks when it ends, must not be a greenlet that
       would be kept alive for that. */
    if (gev_set_parent(gen->body, core->main) < 0 ||
        gev__greenlet_defer(gen->body, on_body_end, gen) < 0) {
        goto err_body;
    }
    return gen;

err_body:
    gev__greenlet_drop(core, gen->body);
err_free:
    free(gen);
    return NULL;
}

struct gev_gen *gev_gen_new(gev_gen_fn *fn, void *arg, size_t item_size)
{
    struct gev__core *core;
    struct gev_gen *gen = NULL;
    int rc = gev__core_start(&core);

    if (rc == 0 && (!fn || item_size == 0)) {
        rc = -EINVAL;
    }
    if (rc == 0 && gev__on_run_stack(core, arg)) {
        rc = -EFAULT;
    }
    if (rc == 0 && item_size > PTRDIFF_MAX) {
        rc = -ENOMEM;
    }
    if (rc == 0) {
        gen = make(core, fn, arg, item_size);
        rc = gen ? 0 : -ENOMEM;
    }
    return gev__ret(rc) < 0 ? NULL : gen;
}

/* One that a fork has dropped is dead, and on_body_end() was not called. */
static bool has_ended(const struct gev_gen *gen)
{
    return gen->ended || gen->body->life == GEV__DEAD;
}

/* May the current greenlet ask? */
static int check_next(const struct gev_gen *gen)
{
    const struct gev__core *core = gev__core_get();

    if (!core || !gev__greenlet_is_mine(core, gen->body) ||
        core->current == core->hub) {
        return -EPERM;
    }
    if (core->current->interrupt) {
        return -core->current->interrupt;
    }
    return gen->asker || core->current == gen->body ? -EBUSY : 0;
}

/* Runs the body until it switches back: 0, or -1 with its error. */
static int run_body(struct gev_gen *gen)
{
    int rc;
    int err;

    gen->asker = gev_ref(gev_current());
    rc = gev_switch(gen->body, gen, NULL);
    err = errno;
    gev_unref(gen->asker);
    gen->asker = NULL;
    errno = err;
    return rc;
}

int gev_gen_next(struct gev_gen *gen, void *ret_item)
{
    int saved_errno = errno;
    int rc = check_next(gen);

    if (rc < 0) {
        return (int)gev__ret(rc);
    }
    if (has_ended(gen)) {
        return 0;
    }
    gen->has_item = false;
    if (run_body(gen) < 0) {
        return -1;
    }
    errno = saved_errno;
    if (!gen->has_item) {
        return 0;
    }
    if (ret_item) {
        memcpy(ret_item, gen->item, gen->item_size);
    }
    return 1;
}

int gev_gen_yield(struct gev_gen *gen, const void *item)
{
    const struct gev__core *core = gev__core_get();

    if (!core || core->current != gen->body) {
        return (int)gev__ret(-EPERM);
    }
    if (core->current->interrupt == ECANCELED || !gen->asker) {
        return (int)gev__ret(-ECANCELED);
    }
    if (!item) {
        return (int)gev__ret(-EINVAL);
    }
    memcpy(gen->item, item, gen->item_size);
    gen->has_item = true;
    if (gev_switch(gen->asker, NULL, NULL) < 0) {
        gen->has_item = false;
        return -1;
    }
    return 0;
}

/* Who has a reference to the body, a child of its own or the hub, may keep it
   from ending now: then it frees the record later. */
static int release(struct gev_gen *gen)
{
    bool ended = has_ended(gen);

    gen->freed = true;
    if (gev_unref(gen->body) < 0) {
        gen->freed = false;
        return -1;
    }
    if (ended) {
        free(gen);
    }
    return 0;
}

int gev_gen_free(struct gev_gen *gen)
{
    const struct gev__core *core = gev__core_get();

    if (!gen) {
        return 0;
    }
    if (!core || !gev__greenlet_is_mine(core, gen->body)) {
        return (int)gev__ret(-EPERM);
    }
    if (gen->asker || core->current == gen->body) {
        return (int)gev__ret(-EBUSY);
    }
    return release(gen);
}
