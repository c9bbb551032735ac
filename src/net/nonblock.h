/* SPDX-License-Identifier: MIT */
/*
 * O_NONBLOCK for the instant of one system call.
 *
 * connect(2) and sendfile(2) have no flag that says "do not block", so the open
 * file's own flag is set around them where gev does not know it to be set. It
 * may be shared with other processes, which is why it is put back at once.
 */
#ifndef NET_NONBLOCK_H
#define NET_NONBLOCK_H

struct gev__fd;

/**
 * struct gev__nonblock - what is to be put back
 */
struct gev__nonblock {
    int fd;    /* -1: nothing was changed */
    int flags; /* as they were */
};

/**
 * gev__nonblock_begin() - make sure that the next call does not block
 *
 * Return:    0 or -Exxx as fcntl(2)
 */
int gev__nonblock_begin(struct gev__nonblock *nb, const struct gev__fd *f);

/**
 * gev__nonblock_end() - put the flags back; errno is as before
 */
void gev__nonblock_end(const struct gev__nonblock *nb);

/**
 * gev__nonblock_set() - set it for good; listeners only, see gev_accept()
 *
 * Return:    0 or -Exxx as fcntl(2)
 */
int gev__nonblock_set(int fd);

#endif
