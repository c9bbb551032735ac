/* SPDX-License-Identifier: MIT */
/*
 * Opening sockets, for who listens and who dials.
 */
#ifndef NET_OPEN_H
#define NET_OPEN_H

#include "hub/fd.h"

/**
 * gev__open_socket() - a socket, non-blocking and close-on-exec; TCP: NODELAY
 *
 * Return:    the descriptor or -Exxx
 */
int gev__open_socket(int family, int type);

/**
 * gev__open_tell() - tell the hub, if there is one, of a new descriptor
 *
 * Return:    @fd; or -ENOMEM, and it is closed
 */
int gev__open_tell(int fd, enum gev__fd_kind kind);

/**
 * gev__open_lacks_ipv6() - does an error mean that there is no IPv6 here?
 */
static inline bool gev__open_lacks_ipv6(int rc)
{
    return rc == -EAFNOSUPPORT || rc == -EADDRNOTAVAIL ||
           rc == -EPROTONOSUPPORT || rc == -ENETUNREACH;
}

#endif
