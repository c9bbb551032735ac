/* SPDX-License-Identifier: MIT */
/*
 * A small DNS server for tests, on a port of 127.0.0.1, in a thread of its own,
 * made with plain system calls
 *
 * What it does is in the name: <anything>.<verb>.test, with the verb one of
 *
 *   ok        A 127.0.0.1, AAAA ::1            empty     no records
 *   v4, v6    only one of these                nx        no such name
 *   slow      as v4, after the delay           servfail  the server has failed
 *   brief     as v4, TTL 1 (others 60)         refused   it will not say
 *   many      40 A: too much for UDP           silent    no answer
 *   trunc     truncated on UDP, whole on TCP   garbage   not a message
 *   cname     three CNAMEs, then as ok         half      a message cut in two
 *   loop      a CNAME to itself                wrongid   another query's id only
 *   liar      wrongid, wrongq, then as v4      wrongq    another question only
 *
 * Of addresses, 192.0.2.1 is ptr.ok.test, 192.0.2.3 gets no answer, and the others
 * have no name.
 */
#ifndef TESTS_SUPPORT_DNS_SERVER_H
#define TESTS_SUPPORT_DNS_SERVER_H

struct dns_server;

/**
 * dns_server_start() - begin to answer
 * @delay: seconds for "slow" names
 */
struct dns_server *dns_server_start(double delay);

/**
 * dns_server_address() - "127.0.0.1:PORT"
 */
const char *dns_server_address(const struct dns_server *s);

/**
 * dns_server_n_udp(), dns_server_n_tcp() - queries that have come so far
 */
long dns_server_n_udp(const struct dns_server *s);
long dns_server_n_tcp(const struct dns_server *s);

/**
 * dns_server_stop() - stop, and free everything
 */
void dns_server_stop(struct dns_server *s);

#endif
