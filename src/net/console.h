/* SPDX-License-Identifier: MIT */
/*
 * The backdoor's commands, apart from who may give them and how.
 */
#ifndef NET_CONSOLE_H
#define NET_CONSOLE_H

#include <stddef.h>

/**
 * gev__console_run() - do what a line says
 * @line:     without its end; is changed
 * @ret_text: receives what to answer, from malloc()
 * @ret_len:  receives its length
 *
 * Switches:  never
 * Return:    1: answer and go on; 0: close the session; -ENOMEM
 */
int gev__console_run(char *line, char **ret_text, size_t *ret_len);

#endif
