// SPDX-License-Identifier: MIT
/*
 * echo_asio - the echo server on Boost.Asio with C++20 coroutines.
 *
 * What a C++ programmer would take today: stackless coroutines, so what a
 * handler keeps across a wait is in a frame on the heap, the buffer too. One
 * thread, the loop without its locks (CONCURRENCY_HINT_UNSAFE).
 */
#include <utility> // Boost 1.74's awaitable.hpp forgets it

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <sys/resource.h>

namespace asio = boost::asio;
using asio::ip::tcp;

namespace
{

asio::awaitable<void> serve(tcp::socket peer)
{
    boost::system::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    char buf[16384];

    peer.set_option(tcp::no_delay(true), error);
    for (;;) {
        std::size_t n =
            co_await peer.async_read_some(asio::buffer(buf), token);
        if (error) {
            co_return;
        }
        co_await asio::async_write(peer, asio::buffer(buf, n), token);
        if (error) {
            co_return;
        }
    }
}

asio::awaitable<void> accept_all(tcp::acceptor &listener)
{
    boost::system::error_code error;

    for (;;) {
        tcp::socket peer = co_await listener.async_accept(
            asio::redirect_error(asio::use_awaitable, error));
        if (!error) {
            asio::co_spawn(listener.get_executor(), serve(std::move(peer)),
                           asio::detached);
        }
    }
}

void raise_fd_limit()
{
    rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

} // namespace

int main(int argc, char **argv)
{
    const char *addr = argc > 1 ? argv[1] : "127.0.0.1:8888";
    const char *colon = std::strchr(addr, ':');

    if (!colon) {
        std::fprintf(stderr, "usage: echo_asio HOST:PORT\n");
        return 2;
    }
    raise_fd_limit();
    asio::io_context loop(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE);
    tcp::acceptor listener(
        loop,
        tcp::endpoint(
            asio::ip::make_address(std::string(addr, colon).c_str()),
            static_cast<unsigned short>(std::atoi(colon + 1))),
        true); // SO_REUSEADDR; the backlog is SOMAXCONN by default
    std::printf("listening on %s\n", addr);
    std::fflush(stdout);
    asio::co_spawn(loop, accept_all(listener), asio::detached);
    loop.run();
    return 0;
}
