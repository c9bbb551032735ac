/* SPDX-License-Identifier: MIT */
/*
 * gev/socket.h - sockets: addresses as strings, listen, dial, accept, messages
 *
 * Addresses: "127.0.0.1:8080", "[::1]:80", ":8080" (every address, IPv6 with
 * IPv4 where there is IPv6), "unix:/path", "unix:@name" (abstract), "fd:3" (an
 * inherited descriptor, where listening), "example.org:80" (a name, for
 * gev_dial()).
 *
 * Descriptors made here are non-blocking and close-on-exec. TCP ones have
 * TCP_NODELAY, listeners SO_REUSEADDR. Socket writes never raise SIGPIPE.
 * Waiting calls fail as said at the top of gev/io.h.
 */
#ifndef GEV_SOCKET_H
#define GEV_SOCKET_H

#include <sys/socket.h>
#include <sys/types.h>

#include <gev/base.h>

GEV_BEGIN_DECLS

/* Room for an address as a string, the NUL included. Only a UNIX name with many
 * bytes that do not print can need more. */
#define GEV_ADDRSTRLEN 128

/* Flags for gev_listen() and gev_listen_udp(). */
#define GEV_REUSEPORT  1u /* SO_REUSEPORT: several processes share the port */
#define GEV_IPV6ONLY   2u /* "[::]:80" does not take IPv4 */
#define GEV_OWNER_ONLY 4u /* a UNIX path gets mode 0600, from its beginning */

/**
 * gev_addr_parse() - make a socket address of a string
 * @s:       "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80", ":80",
 *           "unix:/path", "unix:@name"
 * @ret:     the address
 * @ret_len: how much of it is used
 *
 * Switches:  never
 * Return:    0, or -1 with errno set:
 *              EINVAL        NULL, or it does not parse: port missing or above
 *                            65535, a name, a bad number, trailing characters
 *              ENAMETOOLONG  UNIX path longer than 107 bytes
 */
GEV_API int gev_addr_parse(const char *s, struct sockaddr_storage *ret,
                           socklen_t *ret_len);

/**
 * gev_addr_format() - make a string of a socket address
 * @sa:   the address; AF_INET, AF_INET6 or AF_UNIX
 * @len:  its length
 * @buf:  receives the string, always terminated, cut short with ENOSPC
 * @size: size of @buf; see GEV_ADDRSTRLEN
 *
 * The inverse of gev_addr_parse(); an unnamed UNIX peer is "unix:", bytes of
 * a UNIX name that do not print, a backslash and a path's leading '@' are
 * shown as \xHH.
 *
 * Return:    0, or -1 with errno set: EINVAL, EAFNOSUPPORT, ENOSPC
 */
GEV_API int gev_addr_format(const struct sockaddr *sa, socklen_t len, char *buf,
                            size_t size);

/**
 * gev_sockname() - the local address of a socket as a string
 *
 * Return:    0, or -1 with errno as getsockname(2) or gev_addr_format()
 */
GEV_API int gev_sockname(int fd, char *buf, size_t size);

/**
 * gev_peername() - the peer's address of a socket as a string
 *
 * Return:    0, or -1 with errno as getpeername(2) or gev_addr_format()
 */
GEV_API int gev_peername(int fd, char *buf, size_t size);

/**
 * gev_listen() - a listening stream socket
 * @addr:    where; "fd:N" takes over a bound, listening stream socket as it is
 *           (and makes it non-blocking: the one exception to "keeps its flags")
 * @backlog: as listen(2); 0 for SOMAXCONN; ignored for "fd:N"
 * @flags:   GEV_REUSEPORT, GEV_IPV6ONLY, GEV_OWNER_ONLY
 *
 * A UNIX path that exists and on which nobody listens is replaced.
 *
 * Switches:  never
 * Return:    the descriptor, to be closed with gev_close(), or -1 with errno
 *            set: as gev_addr_parse(), socket(2), bind(2), listen(2); ENOTSOCK
 *            or EINVAL when N is no listening stream socket
 */
GEV_API int gev_listen(const char *addr, int backlog, unsigned flags);

/**
 * gev_listen_udp() - a bound datagram socket
 * @addr:  where; UNIX addresses give a UNIX datagram socket
 * @flags: as gev_listen()
 *
 * Return:    the descriptor, or -1 with errno as gev_listen()
 */
GEV_API int gev_listen_udp(const char *addr, unsigned flags);

/**
 * gev_dial() - connect a stream socket
 * @addr:    numeric or UNIX address, or a name: "example.org:443"
 * @timeout: seconds for the look-up and the connection together
 *
 * A name is looked up as by gev_getaddrinfo(). Of its addresses the first that
 * answers is taken (Happy Eyeballs, RFC 8305): IPv6 and IPv4 take turns, the next
 * is tried besides when one has failed or not answered for 250 ms.
 *
 * Switches:  unless it is decided at once
 * Return:    the connected descriptor, or -1 with errno set:
 *              EINVAL     it is no address: see gev_addr_parse()
 *              ETIMEDOUT  @timeout passed
 *              ENXIO      there is no such name, or it has no address
 *              EAGAIN     the name servers do not answer, or no thread could
 *                         look it up
 *              EIO        they answer nonsense
 *              other      as socket(2), gev_connect(): of several addresses
 *                         the last error, one that means "no route" only if
 *                         there is no other
 */
GEV_API int gev_dial(const char *addr, double timeout);

/**
 * gev_dial_udp() - a datagram socket connected to one peer
 *
 * Switches:  never
 * Return:    the descriptor, or -1 with errno
 */
GEV_API int gev_dial_udp(const char *addr);

/**
 * gev_connect() - connect a socket
 * @fd:  socket; its flags are as before afterwards
 * @sa:  the peer
 * @len: length of @sa
 *
 * The result is the connection's own (SO_ERROR): ECONNREFUSED and the like.
 * After ETIMEDOUT or ECANCELED the attempt may still go on: close it.
 *
 * Switches:  unless it is decided at once
 * Return:    0, or -1 with errno as connect(2)
 */
GEV_API int gev_connect(int fd, const struct sockaddr *sa, socklen_t len);

/**
 * gev_accept() - take a connection from a listener
 * @fd:  listening socket
 * @sa:  receives the peer's address; may be NULL
 * @len: size of @sa, then the length of the address; NULL if @sa is
 *
 * Connections that were aborted while they queued (ECONNABORTED) are passed
 * over.
 *
 * Switches:  only if none waits, or the I/O budget is used up
 * Return:    a non-blocking, close-on-exec descriptor, or -1 with errno as
 *            accept4(2): EMFILE and ENFILE at the limit
 */
GEV_API int gev_accept(int fd, struct sockaddr *sa, socklen_t *len);

/**
 * gev_recv() - recv(2) that waits without blocking others
 * @flags: as recv(2). MSG_WAITALL waits for all of @len, though not beside
 *         MSG_PEEK; MSG_DONTWAIT, MSG_OOB and MSG_ERRQUEUE never wait.
 *
 * See gev_read() for @buf. A datagram is never put together from two.
 *
 * Switches:  as gev_read()
 * Return:    as recv(2)
 */
GEV_API ssize_t gev_recv(int fd, void *buf, size_t len, int flags);

/**
 * gev_recvfrom() - recvfrom(2), as gev_recv()
 *
 * With MSG_WAITALL on a stream *@sa_len is 0: its one sender is the peer.
 *
 * Switches:  as gev_read()
 */
GEV_API ssize_t gev_recvfrom(int fd, void *buf, size_t len, int flags,
                             struct sockaddr *sa, socklen_t *sa_len);

/**
 * gev_recvmsg() - recvmsg(2), as gev_recv(); the buffers of @msg are preserved
 *
 * Switches:  as gev_read()
 */
GEV_API ssize_t gev_recvmsg(int fd, struct msghdr *msg, int flags);

/**
 * gev_send() - send(2) that waits without blocking others
 * @flags: as send(2); MSG_NOSIGNAL is always added, MSG_DONTWAIT never waits
 *
 * As gev_write(): a stream may take less than @len.
 *
 * Switches:  as gev_write()
 * Return:    as send(2)
 */
GEV_API ssize_t gev_send(int fd, const void *buf, size_t len, int flags);

/**
 * gev_sendto() - sendto(2), as gev_send()
 *
 * Switches:  as gev_write()
 */
GEV_API ssize_t gev_sendto(int fd, const void *buf, size_t len, int flags,
                           const struct sockaddr *sa, socklen_t sa_len);

/**
 * gev_sendmsg() - sendmsg(2), as gev_send()
 *
 * Switches:  as gev_write()
 */
GEV_API ssize_t gev_sendmsg(int fd, const struct msghdr *msg, int flags);

/**
 * gev_shutdown_fd() - shutdown(2)
 * @how: SHUT_RD, SHUT_WR, SHUT_RDWR
 *
 * Who waits on that side goes on by itself: the kernel makes it ready.
 *
 * Switches:  never
 * Return:    as shutdown(2)
 */
GEV_API int gev_shutdown_fd(int fd, int how);

/**
 * gev_socketpair() - two connected UNIX sockets
 * @type:    SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET
 * @ret_fds: both ends, non-blocking and close-on-exec
 *
 * Return:    0, or -1 with errno as socketpair(2)
 */
GEV_API int gev_socketpair(int type, int ret_fds[2]);

/**
 * gev_send_fd() - pass a descriptor over a UNIX socket
 * @sock: the socket
 * @fd:   passed on; stays open here, closing it is the caller's business
 *
 * One byte goes with it.
 *
 * Switches:  as gev_write()
 * Return:    0, or -1 with errno as sendmsg(2)
 */
GEV_API int gev_send_fd(int sock, int fd);

/**
 * gev_recv_fd() - receive a descriptor from gev_send_fd()
 *
 * Switches:  as gev_read()
 * Return:    the descriptor, close-on-exec, or -1 with errno as recvmsg(2);
 *            ECONNRESET at the end of the stream; EBADMSG when the message
 *            carries no descriptor; EMFILE when there was no room for it
 */
GEV_API int gev_recv_fd(int sock);

GEV_END_DECLS

#endif
