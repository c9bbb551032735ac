/* SPDX-License-Identifier: MIT */
/*
 * Bytes between an exchange's buffers and its connection, within time limits.
 */
#ifndef HTTP_TRANSPORT_H
#define HTTP_TRANSPORT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "http/exchange.h"

/* Pieces of files up to this size are copied: that costs less than the calls
   around sendfile(2), which on the other hand leave the bytes where they are. */
#define GEV__HTTP_FILE_COPIED ((int64_t)4 << 10)

/**
 * gev__http_receive() - take a buffer if need be, and read once, not waiting
 *
 * Return:    1 or more bytes were added to x->in; 0 at the end of the stream;
 *            -EAGAIN; -ENOMEM; or as read(2)
 */
ssize_t gev__http_receive(struct gev_http *x);

/**
 * gev__http_fill() - send what is to be sent, then wait for more bytes
 * @ticks: how long at most
 *
 * Return:    as gev__http_receive(), never -EAGAIN; or what waiting gave:
 *            -ETIMEDOUT, and c->expired if it was this limit
 */
ssize_t gev__http_fill(struct gev_http *x, uint64_t ticks);

/**
 * gev__http_flush() - send what is in x->out
 *
 * The chunk that is open must have been closed.
 *
 * Return:    0 or -Exxx; then c->broken
 */
int gev__http_flush(struct gev_http *x);

/**
 * gev__http_send_with() - gev__http_flush(), and then some more
 * @more: pieces that follow what is in x->out; changed
 * @n:    how many, at most 2
 *
 * Return:    as gev__http_flush()
 */
int gev__http_send_with(struct gev_http *x, const struct iovec *more, int n);

/**
 * gev__http_send_file() - gev__http_flush(), and then a piece of a file
 *
 * Return:    as gev__http_flush(); -EIO if the file is shorter
 */
int gev__http_send_file(struct gev_http *x, int fd, off_t offset, int64_t n);

/**
 * gev__http_room() - have room for @n bytes at the end of x->out
 *
 * Sends what is there if need be.
 *
 * Return:    0, -ENOMEM, or as gev__http_flush()
 */
int gev__http_room(struct gev_http *x, size_t n);

/**
 * gev__http_linger() - end the connection so that the client reads the answer
 *
 * A close with unread bytes makes the kernel send a reset, which can overtake
 * the answer. So: flush, send FIN, then take and drop what the client still
 * sends, for a while.
 */
void gev__http_linger(struct gev_http *x);

/**
 * gev__http_reset_peer() - have the close that follows send RST
 */
void gev__http_reset_peer(struct gev__http_conn *c);

#endif
