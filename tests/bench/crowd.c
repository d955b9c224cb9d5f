/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crowd NUMBER: so many processes that do nothing, as small as they can be, until it is ended; says so when all are
 * there.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char *argv[]) {
        unsigned long n = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;

        for (unsigned long i = 0; i < n; i++) {
                pid_t pid = fork();

                if (pid < 0) {
                        perror("fork");
                        return EXIT_FAILURE;
                }
                if (pid == 0) {
                        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                        for (;;)
                                (void) pause();
                }
        }
        (void) puts("there");
        (void) fflush(stdout);
        for (;;)
                (void) pause();
}
