/* SPDX-License-Identifier: MIT */
/*
 * libc's name service and log: getpwnam, getgrgid, getservbyname, syslog …
 *
 * A module of the name service (nsswitch.conf) asks a server, over a socket, by
 * itself or through another library, while libc or the module holds locks. Were
 * another greenlet to run meanwhile and ask as well, its thread would wait for
 * itself. So inside these functions nothing switches: whatever is called there
 * passes to libc. They block, as they do without gev.
 *
 * Failure modes
 *   a signal's handler leaves by siglongjmp(3)   libc's locks stay held, which
 *           no program survives; from then on this thread's calls pass, too
 */
#include "patch/service.h"

#include "patch/guard.h"
#include "patch/real.h"

/* At the start of a function. */
#define INSIDE(name)                                                           \
    GEV__IN_NSS;                                                               \
    gev__count_passed(GEV__N_##name)

/* Types, names and parameters are libc's.
   NOLINTBEGIN(bugprone-macro-parentheses,readability-function-size) */
#define SERVICE(X, result, name, parameters, arguments)                        \
    GEV__INTERPOSED result name parameters                                     \
    {                                                                          \
        INSIDE(name);                                                          \
        return GEV__REAL(name) arguments;                                      \
    }

GEV__SERVICES(SERVICE, _)
/* NOLINTEND(bugprone-macro-parentheses,readability-function-size) */

GEV__INTERPOSED void syslog(int priority, const char *fmt, ...)
{
    va_list ap;

    INSIDE(syslog);
    va_start(ap, fmt);
    GEV__REAL(vsyslog)(priority, fmt, ap);
    va_end(ap);
}

GEV__INTERPOSED void __syslog_chk(int priority, int flag, const char *fmt, ...)
{
    va_list ap;

    INSIDE(__syslog_chk);
    va_start(ap, fmt);
    GEV__REAL(__vsyslog_chk)(priority, flag, fmt, ap);
    va_end(ap);
}
