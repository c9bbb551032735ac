/* SPDX-License-Identifier: MIT */
/*
 * The look-ups that a hub knows of: those under way, so that equal ones are made
 * once, and answers that are kept.
 *
 * An entry is listed (found by its question) or not, used by greenlets or not; it
 * is freed when it is neither. One under way is always listed, also when nobody
 * waits for it any more.
 */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "hub/wait.h"
#include "net/dns.h"

static int compare_text(const char *a, const char *b)
{
    if (!a || !b) {
        return (a != NULL) - (b != NULL);
    }
    return strcmp(a, b);
}

/* For tsearch(3): an order of questions. */
static int compare(const void *va, const void *vb)
{
    const struct gev__dns_question *a = &((const struct gev__dns_entry *)va)->q;
    const struct gev__dns_question *b = &((const struct gev__dns_entry *)vb)->q;
    const int x[] = {a->hint.ai_flags, a->hint.ai_family, a->hint.ai_socktype,
                     a->hint.ai_protocol};
    const int y[] = {b->hint.ai_flags, b->hint.ai_family, b->hint.ai_socktype,
                     b->hint.ai_protocol};
    int order = compare_text(a->node, b->node);

    if (order == 0) {
        order = compare_text(a->service, b->service);
    }
    return order ? order : memcmp(x, y, sizeof x);
}

static void free_entry(struct gev__dns_entry *e)
{
    gev_freeaddrinfo(e->answer.list);
    free(e);
}

static void unlist(struct gev__dns_entry *e)
{
    e->listed = false;
    (void)tdelete(e, &e->dns->table, compare);
    if (!gev__list_empty(&e->lru)) {
        gev__list_remove(&e->lru);
        e->dns->stats.in_cache--;
    }
    if (!e->answered) {
        e->dns->stats.under_way--;
    }
}

void gev__dns_table_remove(struct gev__dns_entry *e)
{
    /* The list that the caller found it in is not a list of its next victim.
       NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    if (e->listed) {
        unlist(e);
    }
    if (e->refs == 0) {
        free_entry(e);
    }
}

void gev__dns_table_unref(struct gev__dns_entry *e)
{
    e->refs--;
    if (e->refs == 0 && !e->listed) {
        free_entry(e);
    }
}

struct gev__dns_entry *gev__dns_table_find(struct gev__dns *dns,
                                           const struct gev__dns_question *q)
{
    const struct gev__dns_entry probe = {.q = *q};
    struct gev__dns_entry **found = tfind(&probe, &dns->table, compare);
    struct gev__dns_entry *e = found ? *found : NULL;

    if (!e || !e->answered) {
        return e;
    }
    if (gev__now() >= e->expires) {
        gev__dns_table_remove(e);
        return NULL;
    }
    gev__list_remove(&e->lru); /* the one that was used last */
    gev__list_push(&dns->kept, &e->lru);
    return e;
}

/* Copies a string to *@end; NULL stays NULL. */
static const char *put(char **end, const char *s)
{
    char *at = *end;

    if (!s) {
        return NULL;
    }
    *end = stpcpy(at, s) + 1;
    return at;
}

struct gev__dns_entry *gev__dns_table_add(struct gev__dns *dns,
                                          const struct gev__dns_question *q)
{
    size_t len = (q->node ? strlen(q->node) + 1 : 0) +
                 (q->service ? strlen(q->service) + 1 : 0);
    struct gev__dns_entry *e = calloc(1, sizeof *e + len);
    char *end;

    if (!e) {
        return NULL;
    }
    end = e->text;
    e->name = "name look-up";
    e->dns = dns;
    e->q = *q;
    e->q.node = put(&end, q->node);
    e->q.service = put(&end, q->service);
    gev__list_init(&e->waiters);
    gev__list_init(&e->lru);
    gev__list_init(&e->waking);
    if (!tsearch(e, &dns->table, compare)) {
        free(e); /* UNTESTED: libc's own malloc */
        return NULL;
    }
    e->listed = true;
    dns->stats.under_way++;
    return e;
}

void gev__dns_table_forget(struct gev__dns *dns, size_t max)
{
    while (dns->stats.in_cache > max) {
        gev__dns_table_remove(
            GEV__CONTAINER(dns->kept.next, struct gev__dns_entry, lru));
    }
}

void gev__dns_table_keep(struct gev__dns_entry *e)
{
    struct gev__dns *dns = e->dns;
    double secs =
        e->answer.ttl < dns->secs_kept ? e->answer.ttl : dns->secs_kept;

    dns->stats.under_way--;
    if (dns->max_kept == 0 || secs <= 0 || e->answer.eai) {
        unlist(e); /* answered: it does not count as under way any more */
        return;
    }
    e->expires = gev__deadline(secs);
    gev__list_push(&dns->kept, &e->lru);
    dns->stats.in_cache++;
    gev__dns_table_forget(dns, dns->max_kept);
}

static void drop(void *entry)
{
    struct gev__dns_entry *e = entry;

    if (e->request) {
        e->request->e = NULL;
    }
    free_entry(e);
}

void gev__dns_table_clear(struct gev__dns *dns)
{
    while (!gev__list_empty(&dns->waking)) {
        struct gev__dns_entry *e = GEV__CONTAINER(
            gev__list_shift(&dns->waking), struct gev__dns_entry, waking);

        gev__call_cancel(&e->wake);
        if (!e->listed) {
            free_entry(e);
        }
    }
    tdestroy(dns->table, drop);
    dns->table = NULL;
    gev__list_init(&dns->kept);
    dns->stats.in_cache = 0;
    dns->stats.under_way = 0;
}
