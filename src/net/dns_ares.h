/* SPDX-License-Identifier: MIT */
/*
 * What the two kinds of look-ups through c-ares share.
 */
#ifndef NET_DNS_ARES_H
#define NET_DNS_ARES_H

struct gev__ares;
struct gev__dns;
struct gev__dns_name;

/**
 * gev__dns_ares_get() - a hub's c-ares, made if need be
 *
 * Return:    0, -ENOMEM, -EMFILE, -ENFILE
 */
int gev__dns_ares_get(struct gev__dns *dns, struct gev__ares **ret);

/**
 * gev__ares_eai() - the EAI_ code for an ARES_ one
 * @err: errno of a socket that could not be made, or 0
 */
int gev__ares_eai(int status, int err);

/**
 * gev__ares_name() - getnameinfo(3), see struct gev__resolver
 */
int gev__ares_name(struct gev__dns *dns, struct gev__dns_name *n);

#endif
