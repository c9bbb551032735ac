/* SPDX-License-Identifier: MIT */
/*
 * The library through which the name service's module asks its server, as
 * libnss_ldap has libldap.
 */
#ifndef TESTS_PATCH_NSS_WIRE_H
#define TESTS_PATCH_NSS_WIRE_H

/**
 * wire_connect() - the server is at the other end of this socket
 */
void wire_connect(int fd);

/**
 * wire_fd() - that socket
 */
int wire_fd(void);

/**
 * wire_ask() - send a letter, wait, and receive its answer
 *
 * Return:    the answer, or -1
 */
int wire_ask(char letter);

#endif
