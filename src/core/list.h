/* SPDX-License-Identifier: MIT */
/*
 * An intrusive, circular, doubly linked list. A head says in a comment what it
 * holds; a node that is in no list points at itself.
 */
#ifndef CORE_LIST_H
#define CORE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct gev__list {
    struct gev__list *next;
    struct gev__list *prev;
};

#define GEV__CONTAINER(ptr, type, member)                                      \
    ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

static inline void gev__list_init(struct gev__list *l)
{
    l->next = l;
    l->prev = l;
}

static inline bool gev__list_empty(const struct gev__list *l)
{
    return l->next == l;
}

static inline void gev__list_insert(struct gev__list *after,
                                    struct gev__list *node)
{
    node->prev = after;
    node->next = after->next;
    after->next->prev = node;
    after->next = node;
}

static inline void gev__list_push(struct gev__list *head,
                                  struct gev__list *node)
{
    gev__list_insert(head->prev, node);
}

static inline void gev__list_push_front(struct gev__list *head,
                                        struct gev__list *node)
{
    gev__list_insert(head, node);
}

static inline void gev__list_remove(struct gev__list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    gev__list_init(node);
}

/* Takes the first node off; the list must not be empty. */
static inline struct gev__list *gev__list_shift(struct gev__list *head)
{
    struct gev__list *node = head->next;
    struct gev__list *next = node->next;

    head->next = next;
    next->prev = head;
    gev__list_init(node);
    return node;
}

/* Moves everything from @from to the end of @to. */
static inline void gev__list_splice(struct gev__list *to,
                                    struct gev__list *from)
{
    if (gev__list_empty(from)) {
        return;
    }
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    gev__list_init(from);
}

#endif
