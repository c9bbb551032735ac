/* SPDX-License-Identifier: MIT */
/*
 * thread_echo - an echo server with a thread for each connection
 *
 * A plain C program. The threads count what they served under a mutex, and keep the
 * buffer of each in a thread-specific value.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER 1024

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static unsigned served;

static void make_key(void)
{
    pthread_key_create(&key, free);
}

static void *serve(void *arg)
{
    int fd = (int)(intptr_t)arg;
    ssize_t n;

    pthread_once(&once, make_key);
    pthread_setspecific(key, malloc(BUFFER));
    while ((n = recv(fd, pthread_getspecific(key), BUFFER, 0)) > 0) {
        if (send(fd, pthread_getspecific(key), (size_t)n, MSG_NOSIGNAL) < 0) {
            break;
        }
    }
    pthread_mutex_lock(&lock);
    served++;
    pthread_mutex_unlock(&lock);
    close(fd);
    return NULL;
}

int main(void)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd;
    struct rlimit files = {1 << 16, 1 << 16};
    socklen_t len = sizeof sa;
    pthread_attr_t attr;
    pthread_t thread;

    setrlimit(RLIMIT_NOFILE, &files);
    bind(listener, (struct sockaddr *)&sa, sizeof sa);
    if (listen(listener, 4096) < 0) {
        return EXIT_FAILURE;
    }
    getsockname(listener, (struct sockaddr *)&sa, &len);
    printf("listening on 127.0.0.1:%d\n", ntohs(sa.sin_port));
    fflush(stdout);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, 65536);
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        if (pthread_create(&thread, &attr, serve, (void *)(intptr_t)fd) != 0) {
            perror("thread_echo");
            close(fd);
        }
    }
    perror("thread_echo");
    return EXIT_FAILURE;
}
