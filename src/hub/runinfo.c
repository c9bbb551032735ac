/* SPDX-License-Identifier: MIT */
/*
 * Run info: the greenlets as a tree of who spawned whom, and where each is.
 *
 * All is written to memory first: the stream that it is for in the end may be
 * one whose write(2) switches, and the picture must be of one moment. Each
 * greenlet is in it once, however the notes about spawners are wrong: one whose
 * spawner is not known, gone or younger (numbers wrap) is a root.
 *
 * Ten thousand greenlets mostly wait in a few places, so a backtrace is printed
 * once and then referred to.
 */
#include "hub/runinfo.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/image.h"
#include "hub/describe.h"
#include "hub/libdw.h"
#include "hub/track.h"
#include "hub/unwind.h"

#define MAX_INDENT 16 /* deeper ones are not indented further */
#define NOBODY     SIZE_MAX

/* A greenlet's place in the tree; the numbers are indices of rows. */
struct row {
    const struct gev_greenlet *g;
    size_t parent; /* or NOBODY */
    size_t child;  /* first one, or NOBODY */
    size_t next;   /* child of the same parent, or NOBODY */
    unsigned depth;
};

/* A backtrace that has been printed. */
struct seen {
    uint64_t hash; /* 0: unused */
    uint32_t id;   /* of the greenlet that was printed with it */
};

struct info {
    struct gev__hub *hub;
    FILE *out;
    struct gev__libdw *dw; /* or NULL */
    bool traces;
    uintptr_t skip_to; /* see gev__run_info() */
    struct row *rows;  /* by number, lowest first */
    size_t n_rows;
    size_t max_rows;
    struct seen *seen; /* hash table, at most half full */
    size_t n_seen;     /* slots, a power of two */
    struct gev__trace trace;
};

static uint32_t spawner_of(const struct info *in, const struct gev_greenlet *g)
{
    uint32_t id = gev__track_spawner(g);

    if (!id && g->parent && g->parent != in->hub->self) {
        id = g->parent->id; /* made by hand */
    }
    return id;
}

static void add_row(struct gev_greenlet *g, void *arg)
{
    struct info *in = arg;

    if (in->n_rows < in->max_rows) {
        in->rows[in->n_rows++] = (struct row){
            .g = g, .parent = NOBODY, .child = NOBODY, .next = NOBODY};
    }
}

static int by_id(const void *a, const void *b)
{
    uint32_t x = ((const struct row *)a)->g->id;
    uint32_t y = ((const struct row *)b)->g->id;

    return (x > y) - (x < y);
}

static size_t find_row(const struct info *in, uint32_t id)
{
    size_t low = 0;
    size_t high = in->n_rows;

    while (low < high) {
        size_t mid = (low + high) / 2;

        if (in->rows[mid].g->id < id) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low < in->n_rows && in->rows[low].g->id == id ? low : NOBODY;
}

/* Hangs each below its spawner. From the last on, so that they are in order;
   depths follow from the first on, since a spawner is older. */
static void make_tree(struct info *in)
{
    for (size_t i = in->n_rows; i-- > 0;) {
        struct row *r = &in->rows[i];
        size_t parent = find_row(in, spawner_of(in, r->g));

        if (parent < i) {
            r->parent = parent;
            r->next = in->rows[parent].child;
            in->rows[parent].child = i;
        }
    }
    for (size_t i = 0; i < in->n_rows; i++) {
        struct row *r = &in->rows[i];

        if (r->parent != NOBODY && in->rows[r->parent].g->kind != GEV__NATIVE) {
            r->depth = in->rows[r->parent].depth + 1;
        }
    }
}

static uint64_t hash_of(const struct gev__trace *t)
{
    uint64_t h = 14695981039346656037ULL;

    for (size_t i = 0; i < t->n; i++) {
        h = (h ^ t->pc[i]) * 1099511628211ULL;
        h ^= h >> 29;
    }
    return h ? h : 1;
}

/* Whose backtrace was the same? 0: nobody's, and now it is @id's. */
static uint32_t look_up(struct info *in, uint32_t id)
{
    uint64_t hash = hash_of(&in->trace);
    size_t i = hash & (in->n_seen - 1);

    while (in->seen[i].hash && in->seen[i].hash != hash) {
        i = (i + 1) & (in->n_seen - 1);
    }
    if (in->seen[i].hash) {
        return in->seen[i].id;
    }
    in->seen[i] = (struct seen){.hash = hash, .id = id};
    return 0;
}

static void take_trace(struct info *in, const struct gev_greenlet *g)
{
    struct gev__trace *t = &in->trace;
    size_t first = 0;

    gev__unwind(in->dw, in->hub->core, g, t);
    if (g != in->hub->core->current || !in->skip_to) {
        return;
    }
    while (first < t->n && t->pc[first] != in->skip_to) {
        first++;
    }
    for (size_t i = first; first < t->n && i < t->n; i++) {
        t->pc[i - first] = t->pc[i];
    }
    t->n -= first < t->n ? first : 0;
}

static void print_trace(struct info *in, const struct gev_greenlet *g,
                        int indent)
{
    uint32_t other;

    if (g->life == GEV__NEW) {
        (void)fprintf(in->out, "%*sto run ", indent, "");
        gev__print_function(in->dw, in->out, (uintptr_t)g->fn);
        (void)fputc('\n', in->out);
        return;
    }
    take_trace(in, g);
    if (in->trace.n == 0) {
        return;
    }
    other = in->seen ? look_up(in, g->id) : 0;
    if (other) {
        (void)fprintf(in->out, "%*sas greenlet %u\n", indent, "", other);
    } else {
        gev__print_trace(in->dw, in->out, &in->trace, indent);
    }
}

static void print_row(struct info *in, const struct row *r)
{
    const struct gev_greenlet *g = r->g;
    unsigned depth = r->depth < MAX_INDENT ? r->depth : MAX_INDENT;
    double waited = gev__track_waited(g);
    uint32_t spawner = spawner_of(in, g);
    char who[GEV__WHO_SIZE];
    char what[96];

    gev__who(g, who);
    gev__describe(in->hub, g, what, sizeof what);
    (void)fprintf(in->out, "%*s%s %s", 2 * (int)depth, "", who, what);
    if (waited >= 0) {
        (void)fprintf(in->out, " for %.1f s", waited);
    }
    if (g->kind == GEV__SHARED && g->image_class) {
        (void)fprintf(in->out, ", image %u bytes",
                      gev__image_size[g->image_class]);
    }
    if (spawner) {
        (void)fprintf(in->out, ", spawned by %u%s", spawner,
                      r->parent == NOBODY ? ", which is gone" : "");
    }
    (void)fputc('\n', in->out);
    if (in->traces) {
        print_trace(in, g, 2 * (int)depth + 4);
    }
}

/* Depth first, without recursion: a chain of spawners can be long. */
static void print_tree(struct info *in, size_t root)
{
    size_t i = root;

    for (;;) {
        const struct row *r = &in->rows[i];

        print_row(in, r);
        if (r->child != NOBODY) {
            i = r->child;
            continue;
        }
        while (i != root && in->rows[i].next == NOBODY) {
            i = in->rows[i].parent;
        }
        if (i == root) {
            return;
        }
        i = in->rows[i].next;
    }
}

static int collect(struct info *in)
{
    struct gev__core *core = in->hub->core;

    in->max_rows = core->n_alive + 1;
    in->rows = calloc(in->max_rows, sizeof *in->rows);
    for (in->n_seen = 2; in->n_seen < 2 * in->max_rows;) {
        in->n_seen *= 2;
    }
    in->seen = calloc(in->n_seen, sizeof *in->seen);
    if (!in->rows || !in->seen) {
        return -ENOMEM;
    }
    add_row(core->main, in);
    gev__greenlet_each(core, add_row, in);
    qsort(in->rows, in->n_rows, sizeof *in->rows, by_id);
    make_tree(in);
    return 0;
}

static void print_all(struct info *in)
{
    const struct gev__hub *hub = in->hub;

    (void)fprintf(
        in->out,
        "gev: %zu greenlets besides main: %zu ready, %zu waiting; images "
        "%zu bytes; %s\n",
        hub->core->n_alive, hub->n_ready + hub->n_later, hub->n_parked,
        hub->core->image_bytes,
        hub->tracking ? "tracking" : "GEV_TRACK=1 would tell more");
    for (size_t i = 0; i < in->n_rows; i++) {
        if (in->rows[i].parent == NOBODY) {
            print_tree(in, i);
        }
    }
}

/* Opens what all need, has @print write, and gives the text. */
static int to_text(struct info *in, void (*print)(struct info *in),
                   char **ret_text, size_t *ret_len)
{
    bool failed;

    *ret_text = NULL;
    in->out = open_memstream(ret_text, ret_len);
    if (!in->out) {
        return -ENOMEM;
    }
    in->dw = in->traces ? gev__libdw_open() : NULL;
    print(in);
    gev__libdw_close(in->dw);
    failed = ferror(in->out) != 0;
    failed |= fclose(in->out) != 0;
    if (failed || !*ret_text) {
        free(*ret_text);
        return -ENOMEM;
    }
    return 0;
}

int gev__run_info(struct gev__hub *hub, bool traces, uintptr_t skip_to,
                  char **ret_text, size_t *ret_len)
{
    struct info in = {.hub = hub, .traces = traces, .skip_to = skip_to};
    int rc = collect(&in);

    if (rc == 0) {
        rc = to_text(&in, print_all, ret_text, ret_len);
    }
    free(in.rows);
    free(in.seen);
    return rc;
}

static void print_one(struct info *in)
{
    print_row(in, &in->rows[0]);
}

int gev__backtrace_text(struct gev__hub *hub, const struct gev_greenlet *g,
                        uintptr_t skip_to, char **ret_text, size_t *ret_len)
{
    struct row row = {.g = g}; /* its spawner may live */
    struct info in = {.hub = hub, .traces = true, .skip_to = skip_to};

    in.rows = &row;
    return to_text(&in, print_one, ret_text, ret_len);
}
