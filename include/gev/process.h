/* SPDX-License-Identifier: MIT */
/*
 * gev/process.h - child processes: waited for, started, talked to, forked
 *
 *   struct gev_process_options o = {.size = sizeof o, .out = GEV_PROCESS_PIPE};
 *   struct gev_process_io io = {.size = sizeof io};
 *   const char *argv[] = {"date", "-u", NULL};
 *
 *   if (gev_process_run(argv, &o, &io, 5.0) == 0) {
 *       printf("%s", io.out);                 // NUL-terminated
 *       free(io.out);
 *   }
 *
 * A child is noticed by a descriptor that says when it has ended (pidfd). Where
 * that cannot be had SIGCHLD is watched; it only wakes: nothing here ever reaps
 * a child that it was not asked for. Children of plain fork(2) and waitpid(2)
 * are left alone, and so is a SIGCHLD handler of the program.
 */
#ifndef GEV_PROCESS_H
#define GEV_PROCESS_H

#include <sys/types.h>

#include <gev/base.h>
#include <gev/wait.h>

GEV_BEGIN_DECLS

struct gev_process;

/**
 * gev_waitpid() - waitpid(2) that lets others run
 * @pid:        as waitpid(2): above 0 one child; -1, 0, below -1 any of many
 * @ret_status: as waitpid(2); may be NULL
 * @options:    WNOHANG, WUNTRACED, WCONTINUED
 *
 * When it fails the child is as it was, and can be waited for again. Several
 * greenlets of a thread may wait for the same @pid above 0: one reaps it, and
 * all who waited then get its status. Who comes later gets ECHILD.
 *
 * For any of many, and for WUNTRACED and WCONTINUED, this thread's hub has to
 * watch SIGCHLD, which must not be blocked; see gev_signal().
 *
 * Switches:  unless a child has changed or WNOHANG is given
 * Return:    as waitpid(2): the child, or 0 with WNOHANG; -1 with errno set:
 *              ECHILD  no such child; SIGCHLD is ignored and it has ended
 *              EINVAL  unknown @options
 *              EBUSY   another thread's hub watches SIGCHLD, and this call
 *                      would have to
 * See:       waitpid(2); gevent.os.waitpid()
 */
GEV_API pid_t gev_waitpid(pid_t pid, int *ret_status, int options);

/* What becomes of a child's standard input, output or error; any descriptor
   above 0 instead: that one, which stays the caller's and keeps its flags. */
#define GEV_PROCESS_INHERIT 0    /* the same as the parent's; the default */
#define GEV_PROCESS_NULL    (-1) /* /dev/null */
#define GEV_PROCESS_PIPE    (-2) /* a pipe; see gev_process_fd() */
#define GEV_PROCESS_STDOUT  (-3) /* for .err: where its output goes */

/* Bits of gev_process_options.flags. Without KEEP_FDS a child inherits nothing
   but 0, 1 and 2, with it all that is not close-on-exec. */
#define GEV_PROCESS_NEW_GROUP   1u /* it leads a new process group */
#define GEV_PROCESS_NEW_SESSION 2u /* and a new session, setsid(2) */
#define GEV_PROCESS_KEEP_FDS    4u /* see above */
#define GEV_PROCESS_NO_PATH     8u /* the file is a path: no search in $PATH */

/**
 * struct gev_process_options - how to start a child; zeros are the defaults
 *
 * Grows at its end only: .size tells which fields the caller knows.
 */
struct gev_process_options {
    size_t size;            /* sizeof(struct gev_process_options) */
    const char *file;       /* what to execute; NULL: argv[0] */
    const char *const *env; /* its environment; NULL: this process's */
    const char *cwd;        /* where it starts; NULL: here */
    unsigned flags;         /* GEV_PROCESS_NEW_GROUP … */
    int in, out, err; /* GEV_PROCESS_INHERIT …, or a descriptor above 0 */
};

/**
 * gev_process_new() - start a child process
 * @argv:    its arguments, NULL-terminated; argv[0] is searched for in $PATH if
 *           it has no slash
 * @options: or NULL for the defaults
 *
 * No signal is blocked in the child, and SIGPIPE has its default. A relative
 * path of the file is taken from .cwd.
 *
 * Switches:  never; it stands still until the child has called execve(2)
 * Context:   anywhere, the hub included
 * Return:    the child, to be given to gev_process_free(); NULL with errno set:
 *              EINVAL  @argv is NULL or empty; unknown options or .size
 *              EBADF   a descriptor in @options is not open
 *              EMFILE, ENFILE  no descriptor for a pipe
 *              EAGAIN, ENOMEM  no room for another process
 *              EBUSY   it cannot be noticed: no descriptor for it, and another
 *                      thread's hub has SIGCHLD; it was killed
 *              other   as chdir(2), execve(2): ENOENT, EACCES, ENOEXEC …
 * See:       posix_spawn(3); gevent.subprocess.Popen
 */
GEV_API struct gev_process *
gev_process_new(const char *const *argv,
                const struct gev_process_options *options);

/**
 * gev_process_free() - have no more to do with a child
 * @p: a child, or NULL
 *
 * The pipes to it are closed. One that still runs is neither killed nor waited
 * for: it goes on, and is reaped when it ends if this thread's hub still runs
 * then. Greenlets that wait for it get EBADF. Does nothing on another thread
 * than the one that has it.
 *
 * Switches:  never
 * Context:   anywhere, the hub included
 */
GEV_API void gev_process_free(struct gev_process *p);

/**
 * gev_process_pid() - a child's process id; its own until it is reaped
 */
GEV_API pid_t gev_process_pid(const struct gev_process *p);

/**
 * gev_process_fd() - this process's end of a pipe to a child
 * @p:     a child
 * @which: 0 to write its input, 1 to read its output, 2 its errors
 *
 * For gev_read(), gev_write() and the like; closed with gev_process_close() and
 * by gev_process_free(), never otherwise. Writing to a child that has closed
 * its input raises SIGPIPE, as on every pipe, unless the program ignores it;
 * gev_process_communicate() never does.
 *
 * Return:    a non-blocking descriptor, or -1 with errno EBADF: no pipe, or
 *            closed
 */
GEV_API int gev_process_fd(const struct gev_process *p, int which);

/**
 * gev_process_close() - close this process's end of a pipe
 * @p:     a child
 * @which: as gev_process_fd(); closing 0 tells the child that its input ends
 *
 * Return:    0, or -1 with errno EBADF as gev_process_fd()
 */
GEV_API int gev_process_close(struct gev_process *p, int which);

/**
 * gev_process_wait() - wait until a child has ended
 * @p:          a child
 * @ret_status: as waitpid(2), for WIFEXITED() and the like; may be NULL
 * @timeout:    seconds; 0 asks
 *
 * Any number of greenlets may, any number of times. The hub reaps it: no zombie
 * stays behind if nobody waits.
 *
 * Switches:  unless it has ended or @timeout is 0
 * Return:    0, or -1 with errno set:
 *              ETIMEDOUT  it lives on (or a scope expired)
 *              ECHILD     its status is lost: somebody else's waitpid(2) took
 *                         it, SIGCHLD is ignored, or this is a fork's child
 *              EBADF      gev_process_free() meanwhile
 *              EINVAL     NULL or bad @timeout
 *              EPERM      @p is of another thread
 * See:       subprocess.Popen.wait()
 */
GEV_API int gev_process_wait(struct gev_process *p, int *ret_status,
                             double timeout);

/**
 * gev_on_process() - for gev_wait_any() and the like: ready when it has ended
 */
GEV_API struct gev_waitable gev_on_process(struct gev_process *p);

/**
 * gev_process_kill() - send a signal to a child
 * @p:   a child
 * @sig: the signal; 0 sends none
 *
 * Never reaches another process that was given the same id.
 *
 * Switches:  never
 * Return:    0, or -1 with errno: ESRCH (it has ended and was reaped), EINVAL
 */
GEV_API int gev_process_kill(struct gev_process *p, int sig);

/* Output kept by gev_process_communicate() at the most, if .limit is 0. */
#define GEV_PROCESS_LIMIT ((size_t)64 << 20)

/**
 * struct gev_process_io - what is given to a child and what comes from it
 *
 * The first four fields are the caller's; the others are set on success. Grows
 * at its end only.
 */
struct gev_process_io {
    size_t size;     /* sizeof(struct gev_process_io) */
    const void *in;  /* its input, or NULL for none … */
    size_t in_size;  /* … and how many bytes */
    size_t limit;    /* bytes of output and errors together at the most; 0:
                        GEV_PROCESS_LIMIT */
    char *out;       /* its output if that is a pipe, from malloc(), with a NUL
                        after it; else NULL … */
    size_t out_size; /* … and how many bytes */
    char *err;       /* likewise its errors … */
    size_t err_size;
    int status; /* as waitpid(2) */
};

/**
 * gev_process_communicate() - give a child its input, take all that it prints,
 * and wait until it has ended
 * @p:       a child; .in, .out and .err of its options may be pipes
 * @io:      see there
 * @timeout: seconds for all of it
 *
 * Reads while it writes, so it cannot stand still however much goes either way.
 * A child that closes its input early is fine: the rest is not written. It goes
 * on until both pipes have ended, which the child's own children may hold open.
 *
 * After a failure what was read is kept, and a further call goes on where this
 * one stopped, if it is given the same input; the child lives on. Afterwards the
 * pipes are closed.
 *
 * Switches:  yes
 * Return:    0, or -1 with errno set:
 *              ETIMEDOUT  not done in time (or a scope expired)
 *              EMSGSIZE   more output than .limit
 *              ENOMEM     also: no memory for the output
 *              EBUSY      another greenlet does this already
 *              ECHILD, EBADF, EINVAL, EPERM  as gev_process_wait()
 *              other      as read(2), write(2)
 * See:       subprocess.Popen.communicate()
 */
GEV_API int gev_process_communicate(struct gev_process *p,
                                    struct gev_process_io *io, double timeout);

/**
 * gev_process_run() - start a child, communicate with it, and free it
 * @argv:    as gev_process_new()
 * @options: as there, with .in a pipe if @io has input; NULL: no input but that
 *           of @io, the output kept, errors go where this process's go
 * @io:      as gev_process_communicate(); or NULL: no input, status and output
 *           are of no interest
 * @timeout: seconds for all of it
 *
 * When it fails, by a kill too, the child is killed and reaped by the hub.
 *
 * Switches:  yes
 * Return:    0 when it has ended, whatever .status says; -1 with errno as
 *            gev_process_new(), gev_process_communicate()
 * See:       subprocess.run(); system(3)
 */
GEV_API int gev_process_run(const char *const *argv,
                            const struct gev_process_options *options,
                            struct gev_process_io *io, double timeout);

/* For gev_fork(): the other greenlets go on in the child as well. */
#define GEV_FORK_KEEP 1u

/**
 * gev_fork() - fork(2), saying what becomes of the greenlets
 * @flags: 0: in the child only the caller goes on, as after a plain fork(2): the
 *         others are dead and their defers do not run. If the caller is not
 *         main the child exits when the caller ends.
 *         GEV_FORK_KEEP: all go on in both processes, each with its own copy of
 *         everything: waits, time limits, timers and signals as they were.
 *
 * The child has an epoll set of its own. Descriptors are shared as after
 * fork(2): with GEV_FORK_KEEP two greenlets in two processes then wait for one
 * connection, which is seldom what is wanted. In the child no processes are its
 * children: who waits for one gets ECHILD. Calls that other threads had asked
 * for with gev_call_threadsafe(), and what runs in other threads, stay with the
 * parent, which notices nothing: who waits for a gev_offload() that a thread has
 * begun gets EAGAIN in the child, and who looks up a name EAI_AGAIN.
 *
 * Switches:  never
 * Context:   any greenlet, not the hub
 * Return:    as fork(2): 0 in the child; -1 with errno set:
 *              EINVAL  unknown @flags
 *              EAGAIN, ENOMEM  as fork(2)
 * See:       gevent.os.fork()
 */
GEV_API pid_t gev_fork(unsigned flags);

GEV_END_DECLS

#endif
