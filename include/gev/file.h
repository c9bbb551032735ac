/* SPDX-License-Identifier: MIT */
/*
 * gev/file.h - regular files, read and written in threads
 *
 * The kernel has no way to wait for a disk: gev_read() on a regular file stops
 * all greenlets until the data is there. That is right for what is in memory
 * anyway. Where it may not be (slow disks, network file systems, fsync), these
 * calls have a thread of gev/offload.h do it.
 *
 * They are the POSIX calls of those names. Data goes through a copy on the heap,
 * since a thread that has begun cannot be stopped: a caller that is killed, or
 * out of time, returns at once and its buffer is never touched again. Whether
 * the call took effect is then unknown. Besides the errors in gev.h and those of
 * the system call each fails with
 *
 *   EAGAIN     no thread takes the job: see gev_offload()
 *   ENOMEM     also: no memory for the copy
 */
#ifndef GEV_FILE_H
#define GEV_FILE_H

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <gev/base.h>

GEV_BEGIN_DECLS

/**
 * gev_file_open() - open(2)
 * @path:  copied
 * @flags: as open(2); O_CLOEXEC is added
 * @mode:  permissions of a new file; 0 where none is made
 *
 * Switches:  yes
 * Context:   any greenlet, not the hub; that holds for all calls here
 * Return:    the descriptor, to be closed with gev_file_close() or
 *            gev_close(), or -1 with errno. A descriptor that nobody waits for
 *            any more is closed.
 */
GEV_API int gev_file_open(const char *path, int flags, mode_t mode);

/**
 * gev_file_pread() - pread(2)
 *
 * Bytes of @buf beyond the count are unchanged.
 *
 * Switches:  yes
 * Return:    bytes read, 0 at the end, or -1 with errno
 */
GEV_API ssize_t gev_file_pread(int fd, void *buf, size_t len, off_t offset);

/**
 * gev_file_pwrite() - pwrite(2)
 *
 * Switches:  yes
 * Return:    bytes written, or -1 with errno
 */
GEV_API ssize_t gev_file_pwrite(int fd, const void *buf, size_t len,
                                off_t offset);

/**
 * gev_file_fsync() - fsync(2)
 *
 * Switches:  yes
 * Return:    0, or -1 with errno
 */
GEV_API int gev_file_fsync(int fd);

/**
 * gev_file_fdatasync() - fdatasync(2)
 *
 * Switches:  yes
 */
GEV_API int gev_file_fdatasync(int fd);

/**
 * gev_file_stat() - stat(2)
 * @path: copied
 * @ret:  filled in on success only
 *
 * Switches:  yes
 * Return:    0, or -1 with errno
 */
GEV_API int gev_file_stat(const char *path, struct stat *ret);

/**
 * gev_file_fstat() - fstat(2), as gev_file_stat()
 */
GEV_API int gev_file_fstat(int fd, struct stat *ret);

/**
 * gev_file_close() - close(2) where that may take long (network file systems)
 * @fd: closed in any case, but for EBADF; waiters are woken as by gev_close()
 *
 * If no thread takes it, it is closed at once. A caller that is killed while
 * it waits gets ECANCELED; the descriptor is closed all the same.
 *
 * Switches:  yes
 * Return:    0, or -1 with errno
 */
GEV_API int gev_file_close(int fd);

GEV_END_DECLS

#endif
