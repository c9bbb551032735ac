/* SPDX-License-Identifier: MIT */
/*
 * What the rest of the hub does for gev_interrupt().
 */
#ifndef HUB_INTERRUPT_H
#define HUB_INTERRUPT_H

struct gev__hub;
struct gev_greenlet;

/**
 * gev__interrupt_on_async() - the loop was woken: was it by an interrupt?
 */
void gev__interrupt_on_async(struct gev__hub *hub);

/**
 * gev__interrupt_fold() - gev_greenlet.interrupt may have become 0: an interrupt
 * of main is seen again
 *
 * Context:   after the store; also a signal handler
 */
void gev__interrupt_fold(const struct gev__hub *hub, struct gev_greenlet *g);

/**
 * gev__interrupt_close() - main's bracket ends, whoever left it open; fine if
 * none is
 */
void gev__interrupt_close(struct gev__hub *hub);

#endif
