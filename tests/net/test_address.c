/* SPDX-License-Identifier: MIT */
/*
 * gev_addr_parse, gev_addr_format, gev_sockname, gev_peername
 */
#include "run.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "support/sock.h"

/* Parses and formats; the result must be @expected. */
static void assert_round_trip(const char *in, const char *expected)
{
    struct sockaddr_storage sa;
    socklen_t len = 0;
    char buf[GEV_ADDRSTRLEN];

    assert_int_equal(gev_addr_parse(in, &sa, &len), 0);
    assert_int_equal(
        gev_addr_format((struct sockaddr *)&sa, len, buf, sizeof buf), 0);
    assert_string_equal(buf, expected);
}

static void good_addresses_come_back(void **state)
{
    (void)state;
    errno = 4711;
    assert_round_trip("127.0.0.1:8080", "127.0.0.1:8080");
    assert_round_trip("0.0.0.0:0", "0.0.0.0:0");
    assert_round_trip("255.255.255.255:65535", "255.255.255.255:65535");
    assert_round_trip("1.2.3.4:00080", "1.2.3.4:80");
    assert_round_trip("[::1]:80", "[::1]:80");
    assert_round_trip("[::]:80", "[::]:80");
    assert_round_trip(":80", "[::]:80");
    assert_round_trip("[0:0:0:0:0:0:0:1]:80", "[::1]:80");
    assert_round_trip("[::ffff:1.2.3.4]:80", "[::ffff:1.2.3.4]:80");
    assert_round_trip("[fe80::1%lo]:80", "[fe80::1%lo]:80");
    assert_round_trip("[fe80::1%1]:80", "[fe80::1%lo]:80");
    assert_round_trip("[fe80::1%4294967295]:80", "[fe80::1%4294967295]:80");
    assert_round_trip("unix:/run/a.sock", "unix:/run/a.sock");
    assert_round_trip("unix:relative", "unix:relative");
    assert_round_trip("unix:@name", "unix:@name");
    assert_int_equal(errno, 4711);
}

static void bad_addresses_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        ":",
        "127.0.0.1",
        "127.0.0.1:",
        "80",
        "127.0.0.1:x",
        "127.0.0.1:80x",
        "127.0.0.1:65536",
        "1.2.3:80",
        "1.2.3.4.5:80",
        "256.1.1.1:80",
        "127.0.0.1:-1",
        "::1:80",
        "[::1]80",
        "[::1]",
        "[::1:80",
        "[]:80",
        "[1.2.3.4]:80",
        "::1]:80",
        "[::1]:",
        "[::1]: 80",
        " 1.2.3.4:80",
        "1.2.3.4:80 ",
        "localhost:80",
        "example.org:443",
        "[::1%nope]:80",
        "[::1%]:80",
        "[::1%0]:80",
        "unix:",
        "unix:@",
        "fd:3:",
        "1.2.3.4:000080",
        "[::1%99999999999999999999]:80",
        "[1111111111111111111111111111111111111111111111111111111111111]:1",
    };
    struct sockaddr_storage sa;
    socklen_t len = 77;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        errno = 0;
        if (gev_addr_parse(bad[i], &sa, &len) != -1 || errno != EINVAL) {
            fail_msg("'%s' was not refused with EINVAL", bad[i]);
        }
    }
    assert_int_equal(len, 77);
    assert_fails(gev_addr_parse(NULL, &sa, &len), EINVAL);
    assert_fails(gev_addr_parse(":80", NULL, &len), EINVAL);
    assert_fails(gev_addr_parse(":80", &sa, NULL), EINVAL);
}

static void unix_paths_have_107_bytes_at_most(void **state)
{
    struct sockaddr_storage sa;
    socklen_t len;
    char addr[5 + 109] = "unix:", buf[GEV_ADDRSTRLEN];

    (void)state;
    memset(addr + 5, 'p', 107);
    assert_int_equal(gev_addr_parse(addr, &sa, &len), 0);
    assert_int_equal(
        gev_addr_format((struct sockaddr *)&sa, len, buf, sizeof buf), 0);
    assert_string_equal(buf, addr);
    addr[5 + 107] = 'p';
    assert_fails(gev_addr_parse(addr, &sa, &len), ENAMETOOLONG);
    addr[5] = '@';
    assert_fails(gev_addr_parse(addr, &sa, &len), ENAMETOOLONG);
}

static void bytes_that_do_not_print_are_shown(void **state)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    char buf[GEV_ADDRSTRLEN];
    const socklen_t head = offsetof(struct sockaddr_un, sun_path);

    (void)state;
    memcpy(un.sun_path, "\0a\0b\n", 5);
    assert_int_equal(
        gev_addr_format((struct sockaddr *)&un, head + 5, buf, sizeof buf), 0);
    assert_string_equal(buf, "unix:@a\\x00b\\x0A");
    strcpy(un.sun_path, "@a\\b");
    assert_int_equal(
        gev_addr_format((struct sockaddr *)&un, sizeof un, buf, sizeof buf), 0);
    assert_string_equal(buf, "unix:\\x40a\\x5Cb");
    assert_int_equal(
        gev_addr_format((struct sockaddr *)&un, head, buf, sizeof buf), 0);
    assert_string_equal(buf, "unix:");
}

static void formatting_checks_its_arguments(void **state)
{
    struct sockaddr_storage sa;
    struct sockaddr *p = (struct sockaddr *)&sa;
    socklen_t len;
    char buf[GEV_ADDRSTRLEN];

    (void)state;
    assert_int_equal(gev_addr_parse("127.0.0.1:8080", &sa, &len), 0);
    assert_fails(gev_addr_format(NULL, len, buf, sizeof buf), EINVAL);
    assert_fails(gev_addr_format(p, len, NULL, sizeof buf), EINVAL);
    assert_fails(gev_addr_format(p, len, buf, 0), EINVAL);
    assert_fails(gev_addr_format(p, len - 1, buf, sizeof buf), EINVAL);
    assert_fails(gev_addr_format(p, 1, buf, sizeof buf), EINVAL);
    assert_fails(gev_addr_format(p, len, buf, 5), ENOSPC);
    assert_string_equal(buf, "127.");
    assert_fails(gev_addr_format(p, len, buf, 14), ENOSPC);
    assert_int_equal(gev_addr_format(p, len, buf, 15), 0);
    p->sa_family = AF_NETLINK;
    assert_fails(gev_addr_format(p, len, buf, sizeof buf), EAFNOSUPPORT);
}

static void names_of_sockets(void **state)
{
    int fds[2];
    char a[GEV_ADDRSTRLEN], b[GEV_ADDRSTRLEN];

    (void)state;
    sock_tcp_pair(fds);
    assert_int_equal(gev_sockname(fds[0], a, sizeof a), 0);
    assert_int_equal(gev_peername(fds[1], b, sizeof b), 0);
    assert_string_equal(a, b);
    assert_memory_equal(a, "127.0.0.1:", 10);
    close_pair(fds);
    assert_fails(gev_sockname(fds[0], a, sizeof a), EBADF);
    assert_fails(gev_peername(fds[0], a, sizeof a), EBADF);
    sock_pair(fds, true);
    assert_int_equal(gev_peername(fds[0], a, sizeof a), 0);
    assert_string_equal(a, "unix:");
    close_pair(fds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_addresses_come_back),
        cmocka_unit_test(bad_addresses_are_refused),
        cmocka_unit_test(unix_paths_have_107_bytes_at_most),
        cmocka_unit_test(bytes_that_do_not_print_are_shown),
        cmocka_unit_test(formatting_checks_its_arguments),
        cmocka_unit_test(names_of_sockets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
