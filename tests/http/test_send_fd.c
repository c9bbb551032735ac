/* SPDX-License-Identifier: MIT */
/*
 * Files as responses, whole and among other pieces
 */
#include "acting.h"

#include <fcntl.h>

static int send_part(struct gev_http *x)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    keep(gev_http_send_fd(x, fd, 1, 3));
    close(fd);
    return 0;
}

static int send_parts(struct gev_http *x)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    gev_http_write(x, "<", 1);
    keep(gev_http_send_fd(x, fd, 1, 3));
    keep(gev_http_send_fd(x, fd, 1, 30000));
    keep(gev_http_write(x, ">", 1));
    close(fd);
    return 0;
}

static void files_are_sent(void **state)
{
    (void)state;
    answered(send_part, GET_CLOSE);
    assert_has("Content-Length: 3\r\n");
    assert_body("ELF");
    answered(send_parts, GET_CLOSE);
    assert_int_equal(strncmp(body(), "1\r\n<\r\n3\r\nELF\r\n7530\r\nELF", 23),
                     0);
    assert_memory_equal(got.text + got.len - 13, "\r\n1\r\n>\r\n0\r\n\r\n", 13);
    for (int i = 0; i < n_out; i++) {
        assert_int_equal(out[i].r, 0);
    }
}

static int short_by; /* large: sendfile; small: by way of the buffer */

static int send_short_file(struct gev_http *x)
{
    char name[] = "/tmp/gev-test-XXXXXX";
    int fd = mkstemp(name);

    unlink(name);
    keep(ftruncate(fd, 5 * short_by));
    keep(gev_http_send_fd(x, fd, 0, 6 * short_by));
    close(fd);
    return 0;
}

static void a_file_that_is_shorter_aborts(void **state)
{
    struct gev_http_server *s = serve(do_act);

    (void)state;
    act = send_short_file;
    for (short_by = 10000; short_by > 0; short_by -= 9999) {
        n_out = 0;
        n_calls = 0;
        ask("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n" GET GET);
        assert_status(204); /* it is not lost with the other */
        assert_int_equal(count("HTTP/1.1"), 2);
        assert_outcome(out[1], -1, EIO);
        assert_int_equal(n_calls, 1);
    }
    assert_int_equal(stats_of(s).aborted, 2);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_are_sent),
        TEST(a_file_that_is_shorter_aborts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
