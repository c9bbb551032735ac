/* SPDX-License-Identifier: MIT */
/*
 * gev/stream.h - buffered reading and writing over anything that moves bytes
 *
 *   struct gev_stream *s = gev_stream_new(fd, 0);
 *   char *line;
 *   while (gev_stream_readline(s, 1024, &line, NULL) == 1) {
 *       gev_stream_printf(s, "you said %s\r\n", line);
 *   }
 *   gev_stream_close(s);
 *
 * What carries the bytes (a descriptor, a TLS connection, memory, something of
 * yours) is a small table of functions, struct gev_stream_ops.
 *
 * Reading. Bytes are taken from the carrier a buffer at a time. A stream that
 * waits with nothing buffered holds no buffer: idle ones cost their record.
 *
 * Writing. Bytes are kept until the buffer (8 KiB) is full, gev_stream_flush(),
 * or until the greenlet that wrote them reads, finds the read buffer used up and
 * has to ask the carrier: so a loop that reads requests and writes replies never
 * waits for an answer to what it has not sent, and answers pipelined requests
 * with one write. Larger writes go straight through, together with what was
 * kept.
 *
 * Greenlets. One may read while another writes; a second reader or writer gets
 * EBUSY. Closing wakes both with EBADF. A stream belongs to its thread.
 *
 * Errors. Nothing is lost by those that pass: after ETIMEDOUT, ECANCELED,
 * ENOMEM or EBUSY what was read is still buffered and what was not written is
 * still kept, and the call can be made again. Any other error of the carrier
 * is for good: reads give what is buffered and then that error, writes give it
 * at once. Reading does not fail because writing has: the peer's last words can
 * be read after EPIPE. The end of the stream is not an error, and is asked for
 * anew each time.
 *
 * Every call here that may wait fails besides as the carrier does (gev/io.h for
 * a descriptor) and with
 *
 *   EBUSY  another greenlet is reading (writing) this stream
 *   EBADF  closed meanwhile; or a carrier that has no such function
 */
#ifndef GEV_STREAM_H
#define GEV_STREAM_H

#include <stdarg.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <gev/base.h>

GEV_BEGIN_DECLS

/**
 * struct gev_stream_ops - what carries a stream's bytes; grows at its end only
 *
 * Each function gets the @ctx that was given with the table, and fails with -1
 * and errno as gev_read() and gev_write() do. Any but @read and @writev may be
 * NULL. With @wait a reader needs no buffer while it waits:
 *
 *      do {
 *          if (ops->wait(ctx) < 0)
 *              return -1;
 *          take a buffer;
 *          n = ops->read(ctx, buffer, size);
 *          give it back if n <= 0;
 *      } while (n < 0 && errno == EAGAIN);
 */
struct gev_stream_ops {
    /** sizeof(struct gev_stream_ops) as the table's author knows it */
    size_t size;

    /**
     * Waits until a read is worth trying: there are bytes, the end or an
     * error, or there may be. It is the call that may switch, and that tells
     * of kills, time limits and a second reader (EBUSY). NULL: read() does.
     */
    int (*wait)(void *ctx);

    /**
     * 1 .. @len bytes; 0 at the end. With @wait it never switches, is called
     * after it only, and fails with EAGAIN if there was nothing after all:
     * then wait again. Without, it waits by itself, as gev_read().
     */
    ssize_t (*read)(void *ctx, void *buf, size_t len);

    /** All of it, or short or -1 with errno: as gev_writevall(). @iov is
        the callee's to change. */
    ssize_t (*writev)(void *ctx, struct iovec *iov, int n);

    /** As gev_sendfile(). NULL: it is read, and written with @writev. */
    ssize_t (*sendfile)(void *ctx, int fd, off_t *off, size_t n);

    /** Nothing more will be written: FIN, close_notify. NULL: nothing to do. */
    int (*shutdown)(void *ctx);

    /** Releases everything; @ctx is not used again. NULL: nothing to do. */
    int (*close)(void *ctx);

    /** The descriptor underneath, or -1; never fails. NULL: there is none. */
    int (*fd)(const void *ctx);
};

struct gev_stream;

/* Flags of gev_stream_new() and gev_stream_new_ops(). */
#define GEV_STREAM_KEEP_OPEN    1u /* closing leaves the carrier open */
#define GEV_STREAM_MANUAL_FLUSH 2u /* a read never flushes what was written */

/**
 * gev_stream_new() - a stream over a descriptor
 * @fd:    open descriptor; the stream's from now on unless GEV_STREAM_KEEP_OPEN
 * @flags: GEV_STREAM_…
 *
 * Switches:  never
 * Return:    the stream, or NULL with errno set, and @fd is still the caller's:
 *              EBADF   @fd is negative
 *              EINVAL  unknown flags
 *              ENOMEM  no memory
 */
GEV_API struct gev_stream *gev_stream_new(int fd, unsigned flags);

/**
 * gev_stream_new_ops() - a stream over anything
 * @ops:   the functions; not copied, so it outlives the stream: static as a rule
 * @ctx:   given to them; not a pointer into a run stack
 * @flags: GEV_STREAM_…
 *
 * Switches:  never
 * Return:    the stream, or NULL with errno set:
 *              EINVAL  no table, or one without size, read or writev; flags
 *              EFAULT  @ops or @ctx point into a run stack
 *              ENOMEM  no memory
 */
GEV_API struct gev_stream *gev_stream_new_ops(const struct gev_stream_ops *ops,
                                              void *ctx, unsigned flags);

/**
 * gev_stream_new_memory() - a stream that reads from memory and writes to it
 * @data: what is read, copied; NULL with @size 0 for nothing
 * @size: bytes there
 *
 * Meant for tests, and for making messages. What is written is collected for
 * gev_stream_memory_take().
 *
 * Switches:  never
 * Return:    the stream, or NULL with errno ENOMEM
 */
GEV_API struct gev_stream *gev_stream_new_memory(const void *data, size_t size);

/**
 * gev_stream_memory_take() - what was written to a memory stream so far
 * @s:        of gev_stream_new_memory()
 * @ret_size: receives the bytes; may be NULL
 *
 * Flushes first. Each byte is given once.
 *
 * Switches:  never
 * Return:    the bytes and a NUL behind them, to be freed with free(3), or NULL
 *            with errno: EINVAL (not such a stream), ENOMEM, ECANCELED …
 */
GEV_API void *gev_stream_memory_take(struct gev_stream *s, size_t *ret_size);

/**
 * gev_stream_close() - flush, close the carrier, free the stream
 * @s: a stream, or NULL, which is fine
 *
 * Everything is released whatever it returns. Greenlets inside a call on @s
 * get EBADF, and what they were writing is dropped.
 *
 * Switches:  to flush, and as the carrier's close does
 * Return:    0, or -1 with errno when something could not be written (the
 *            killed cannot wait: ECANCELED) or the carrier's close failed
 */
GEV_API int gev_stream_close(struct gev_stream *s);

/**
 * gev_stream_free() - gev_stream_close() without flushing
 * @s: a stream, or NULL
 *
 * Switches:  as the carrier's close does; over a descriptor never
 */
GEV_API void gev_stream_free(struct gev_stream *s);

/**
 * gev_stream_detach() - take the descriptor back and free the stream
 * @s:        of gev_stream_new()
 * @ret_rest: receives what was read and not used, to be freed with free(3);
 *            NULL if there is nothing
 * @ret_size: receives how many bytes that is
 *
 * Flushes first. Nothing has happened to the stream when it fails.
 *
 * Switches:  to flush
 * Return:    the descriptor, or -1 with errno: EINVAL (not over a descriptor),
 *            EBUSY (a greenlet is reading or writing), ENOMEM, as
 *            gev_stream_flush()
 */
GEV_API int gev_stream_detach(struct gev_stream *s, void **ret_rest,
                              size_t *ret_size);

/**
 * gev_stream_read() - what is there, waiting for the first byte
 * @buf: room for @len bytes
 *
 * Where nothing is buffered and @len is 8 KiB or more, the bytes go straight
 * into @buf.
 *
 * Switches:  only if nothing is buffered
 * Return:    1 .. @len; 0 at the end of the stream or for @len 0; -1 with errno
 * See:       gev_read()
 */
GEV_API ssize_t gev_stream_read(struct gev_stream *s, void *buf, size_t len);

/**
 * gev_stream_readn() - read exactly so many bytes
 *
 * Switches:  only if fewer are buffered
 * Return:    @len; fewer when it ended short: errno is then 0 for the end of the
 *            stream, else what stopped it; -1 with errno when nothing was read
 * See:       gev_readall()
 */
GEV_API ssize_t gev_stream_readn(struct gev_stream *s, void *buf, size_t len);

/**
 * gev_stream_readline() - read a line
 * @s:        a stream
 * @limit:    bytes that a line may have, its end not counted
 * @ret_line: receives the line without its LF or CR LF and with a NUL in their
 *            place. It may be changed, and is valid until the next call
 *            that reads from @s.
 * @ret_len:  receives its length, for lines with NULs in them; may be NULL
 *
 * A line ends with LF; one CR before it belongs to the end. What comes after the
 * last line end is not a line but a rest, since it may have been cut off.
 *
 * gev_settimeout() limits the wait for each piece of it, not the whole line:
 * for that put gev_timeout_push() around the call.
 *
 * Switches:  only if no whole line is buffered
 * Return:    1 a line; 0 the end of the stream, and the rest is in *@ret_line,
 *            mostly ""; -1 with errno; EMSGSIZE: longer than @limit, and
 *            nothing was taken
 */
GEV_API int gev_stream_readline(struct gev_stream *s, size_t limit,
                                char **ret_line, size_t *ret_len);

/**
 * gev_stream_readuntil() - read up to a delimiter
 * @delim: what ends it, a string of at least one byte
 *
 * As gev_stream_readline(), with @delim in place of the line end.
 *
 * Return:    as gev_stream_readline(); EINVAL for an empty @delim
 */
GEV_API int gev_stream_readuntil(struct gev_stream *s, const char *delim,
                                 size_t limit, char **ret_data,
                                 size_t *ret_len);

/**
 * gev_stream_peek() - look at what comes next without taking it
 * @n:        bytes that must be there; 0 looks at what is buffered
 * @ret_data: receives a pointer to them, valid until the next call that reads
 *            from @s
 *
 * Switches:  only if fewer are buffered
 * Return:    the bytes at *@ret_data, @n or more; fewer at the end of the stream;
 *            -1 with errno
 */
GEV_API ssize_t gev_stream_peek(struct gev_stream *s, size_t n,
                                const char **ret_data);

/**
 * gev_stream_skip() - read bytes and forget them
 *
 * Return:    as gev_stream_readn()
 */
GEV_API ssize_t gev_stream_skip(struct gev_stream *s, size_t n);

/**
 * gev_stream_write() - write, later perhaps
 *
 * Switches:  only if the buffer is full
 * Return:    @len, written or kept; fewer when it ended short, errno says why;
 *            -1 with errno when nothing was taken
 * See:       gev_writeall()
 */
GEV_API ssize_t gev_stream_write(struct gev_stream *s, const void *buf,
                                 size_t len);

/**
 * gev_stream_writev() - gev_stream_write() from several buffers
 * @n: how many, 0 .. IOV_MAX
 *
 * Return:    as gev_stream_write(), for the sum of the lengths; EINVAL
 */
GEV_API ssize_t gev_stream_writev(struct gev_stream *s, const struct iovec *iov,
                                  int n);

/**
 * gev_stream_printf() - write as printf(3) does, whatever the length
 *
 * Return:    as gev_stream_write(); also the errors of vsnprintf(3)
 */
GEV_API ssize_t gev_stream_printf(struct gev_stream *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * gev_stream_vprintf() - gev_stream_printf() with a va_list
 *
 * Switches:  as gev_stream_printf()
 */
GEV_API ssize_t gev_stream_vprintf(struct gev_stream *s, const char *fmt,
                                   va_list ap)
    __attribute__((format(printf, 2, 0)));

/**
 * gev_stream_sendfile() - write from a file
 *
 * Flushes first. Goes on until @n bytes or the end of the file.
 *
 * Switches:  as gev_stream_flush()
 * Return:    as gev_sendfile()
 */
GEV_API ssize_t gev_stream_sendfile(struct gev_stream *s, int fd, off_t *offset,
                                    size_t n);

/**
 * gev_stream_flush() - write what is kept
 *
 * Switches:  only if the carrier does not take it at once
 * Return:    0, or -1 with errno; what was not written is still kept
 */
GEV_API int gev_stream_flush(struct gev_stream *s);

/**
 * gev_stream_shutdown() - flush, and say that nothing more will be written
 *
 * Return:    0, or -1 with errno as gev_stream_flush() or the carrier
 */
GEV_API int gev_stream_shutdown(struct gev_stream *s);

/**
 * gev_stream_buffered() - bytes that can be read without asking the carrier
 */
GEV_API size_t gev_stream_buffered(const struct gev_stream *s);

/**
 * gev_stream_pending() - bytes kept until the next flush
 */
GEV_API size_t gev_stream_pending(const struct gev_stream *s);

/**
 * gev_stream_fd() - the descriptor underneath, borrowed
 *
 * Return:    -1 if there is none
 */
GEV_API int gev_stream_fd(const struct gev_stream *s);

GEV_END_DECLS

#endif
