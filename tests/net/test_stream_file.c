/* SPDX-License-Identifier: MIT */
/*
 * Streams: writing from a file, and memory as a carrier
 */
#include "carrier.h"

#include <limits.h>
#include <sys/mman.h>

#include "net/bufpool.h"
#include "support/fault.h"
#include "support/sock.h"

enum { N_BIG = 100000 };

static struct carrier c;
static struct gev_stream *s;
static char *big;

static int new_stream(void **state)
{
    (void)state;
    memset(&c, 0, sizeof c);
    s = carrier_stream(&c);
    big = malloc(N_BIG + 1);
    for (int i = 0; i < N_BIG; i++) {
        big[i] = (char)('a' + i % 23);
    }
    big[N_BIG] = '\0';
    return 0;
}

static int nothing_is_left(void **state)
{
    struct gev__bufpool_stats st;

    (void)state;
    gev_stream_free(s);
    free(big);
    gev__bufpool_stats(&st);
    return st.in_use == 0 ? 0 : -1;
}

static void assert_out(const char *wanted, size_t n)
{
    assert_int_equal(c.out_len, n);
    assert_memory_equal(c.out, wanted, n);
}

static int big_file(void)
{
    int fd = memfd_create("gev-stream", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, big, N_BIG), N_BIG);
    return fd;
}

static void sendfile_reads_and_writes_where_it_must(void **state)
{
    int fd = big_file();
    off_t at = 3;

    (void)state;
    assert_int_equal(gev_stream_write(s, big, 3), 3);
    errno = 4711;
    assert_int_equal(gev_stream_sendfile(s, fd, &at, 80000), 80000);
    assert_int_equal(errno, 4711);
    assert_int_equal(at, 80003);
    assert_out(big, 80003);
    assert_int_equal(lseek(fd, 80003, SEEK_SET), 80003);
    assert_int_equal(gev_stream_sendfile(s, fd, NULL, 10), 10);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 80013);
    assert_int_equal(gev_stream_sendfile(s, fd, NULL, 1000000), N_BIG - 80013);
    assert_int_equal(errno, 0);
    assert_int_equal(gev_stream_sendfile(s, fd, NULL, 10), 0);
    assert_int_equal(gev_stream_sendfile(s, fd, NULL, 0), 0);
    assert_out(big, N_BIG);
    close(fd);
}

static void sendfile_that_ends_short_says_where(void **state)
{
    int fd = big_file(), fds[2];
    off_t at = 0;

    (void)state;
    c.out_limit = 70000;
    c.out_err = EPIPE;
    assert_int_equal(gev_stream_sendfile(s, fd, &at, N_BIG), 70000);
    assert_int_equal(errno, EPIPE);
    assert_int_equal(at, 70000);
    assert_fails(gev_stream_sendfile(s, fd, &at, 1), EPIPE);
    gev_stream_free(s);
    memset(&c, 0, sizeof c);
    s = carrier_stream(&c);
    assert_int_equal(pipe(fds), 0);
    assert_fails(gev_stream_sendfile(s, fds[0], NULL, 1), ESPIPE);
    close_pair(fds);
    at = -1;
    assert_fails(gev_stream_sendfile(s, fd, &at, 1), EINVAL);
    at = 0;
    assert_fails(gev_stream_sendfile(s, fd, &at, (size_t)SSIZE_MAX + 1),
                 EINVAL);
    close(fd);
    assert_fails(gev_stream_sendfile(s, fd, &at, 1), EBADF);
}

static void sendfile_over_a_descriptor_is_the_kernels(void **state)
{
    int fd = big_file(), fds[2];
    char got[5];
    off_t at = 1;
    struct gev_stream *f;

    (void)state;
    sock_pair(fds, true);
    f = gev_stream_new(fds[0], 0);
    assert_int_equal(gev_stream_printf(f, "a"), 1);
    fault_count_reset();
    assert_int_equal(gev_stream_sendfile(f, fd, &at, 4), 4);
    assert_int_equal(fault_count(FAULT_SENDFILE), 1);
    assert_int_equal(at, 5);
    assert_int_equal(read(fds[1], got, 5), 5);
    assert_memory_equal(got, big, 5);
    at = N_BIG;
    assert_int_equal(gev_stream_sendfile(f, fd, &at, 4), 0);
    assert_int_equal(errno, 0);
    close(fds[1]);
    at = 0;
    assert_fails(gev_stream_sendfile(f, fd, &at, 4), EPIPE);
    assert_fails(gev_stream_close(f), EPIPE);
    close(fd);
}

static void memory_collects_what_is_written(void **state)
{
    struct gev_stream *m = gev_stream_new_memory(NULL, 0);
    size_t n = 99, sum = 0;
    char *out, *end;

    (void)state;
    out = gev_stream_memory_take(m, &n);
    assert_int_equal(n, 0);
    assert_string_equal(out, "");
    free(out);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(gev_stream_printf(m, "%.*s", i * 37, big), i * 37);
        sum += (size_t)i * 37;
    }
    out = gev_stream_memory_take(m, &n);
    assert_int_equal(n, sum);
    end = out;
    for (size_t i = 0; i < 100; i++) {
        assert_memory_equal(end, big, i * 37);
        end += i * 37;
    }
    assert_int_equal(*end, '\0');
    free(out);
    assert_int_equal(gev_stream_write(m, "more", 4), 4);
    out = gev_stream_memory_take(m, NULL);
    assert_string_equal(out, "more");
    free(out);
    assert_int_equal(gev_stream_shutdown(m), 0);
    assert_int_equal(gev_stream_write(m, "late", 4), 4);
    assert_null(gev_stream_memory_take(m, NULL));
    assert_int_equal(errno, EPIPE);
    gev_stream_free(m);
    assert_null(gev_stream_memory_take(s, NULL));
    assert_int_equal(errno, EINVAL);
}

static void each_allocation_that_fails_is_enomem(void **state)
{
    char *out = NULL;
    size_t n = 0;

    (void)state;
    for (long k = 1;; k++) {
        gev__bufpool_trim();
        fault_arm(FAULT_ALLOC, k, ENOMEM);
        struct gev_stream *m = gev_stream_new_memory("in", 2);
        int failed = !m && errno == ENOMEM;
        if (m) {
            char b[2];
            failed += gev_stream_read(m, b, 2) < 0 && errno == ENOMEM;
            failed +=
                gev_stream_printf(m, "%.9999s", big) < 0 && errno == ENOMEM;
            out = gev_stream_memory_take(m, &n);
            failed += !out && errno == ENOMEM;
        }
        bool hit = fault_disarm();
        if (m) {
            gev_stream_free(m);
        }
        if (!hit) {
            assert_int_equal(failed, 0);
            break;
        }
        assert_true(failed <= 1);
        free(out);
        out = NULL;
    }
    assert_int_equal(n, 9999);
    assert_memory_equal(out, big, n);
    free(out);
    assert_null(gev_stream_new_memory(big, SIZE_MAX));
    assert_int_equal(errno, ENOMEM);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, new_stream, nothing_is_left)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sendfile_reads_and_writes_where_it_must),
        TEST(sendfile_that_ends_short_says_where),
        TEST(sendfile_over_a_descriptor_is_the_kernels),
        TEST(memory_collects_what_is_written),
        TEST(each_allocation_that_fails_is_enomem),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
