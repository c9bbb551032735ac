/* SPDX-License-Identifier: MIT */
/*
 * Addresses as strings, for the files here that open sockets.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/**
 * gev__addr_parse() - gev_addr_parse()
 *
 * Return:    0 or -Exxx
 */
int gev__addr_parse(const char *s, struct sockaddr_storage *ret,
                    socklen_t *ret_len);

/**
 * gev__addr_is_any() - is it ":80", which means IPv4 where there is no IPv6?
 */
bool gev__addr_is_any(const char *s);

/**
 * gev__addr_any_ipv4() - turn "[::]:80" into "0.0.0.0:80"
 */
void gev__addr_any_ipv4(struct sockaddr_storage *sa, socklen_t *len);

#endif
