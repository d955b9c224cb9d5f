/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A storm: several threads read blocks that cannot be read, as fast as they can. Run by the tests in the virtual
 * machine on files whose blocks lie in a range of a device that fails everything.
 *
 *   storm-reads THREADS READS PAUSE FILE...
 *
 * READS is the number of all threads together; 0: until SIGTERM. PAUSE: microseconds after each read of a thread. The
 * kernel joins only reports of neighbouring blocks, so every other block is read, and the files in turn. Prints
 * "READS MICROSECONDS" when it is done; a read that does not fail with EIO ends it with status 1.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/basic/clock.h"
#include "src/basic/macro.h"
#include "src/basic/number.h"

#define BLOCK_BYTES 4096
#define THREADS_MAX 64
#define READS_MAX UINT64_C(1000000000)
#define PAUSE_MAX UINT64_C(999999)
#define FILES_MAX 1000

typedef struct Storm {
        const int *fds;
        uint64_t n_files;
        uint64_t first_block;
        uint64_t n_blocks;      /* every other one of them */
        uint64_t n_reads;       /* 0: until told to stop */
        uint64_t n_done;
        useconds_t pause_usec;
        int error;
} Storm;

static volatile sig_atomic_t is_stopped;

static void on_terminate(_unused_ int signal_number) {
        is_stopped = 1;
}

static void *storm_run(void *userdata) {
        Storm *storm = userdata;
        _Alignas(BLOCK_BYTES) char block[BLOCK_BYTES];

        while (!is_stopped && (storm->n_reads == 0 || storm->n_done < storm->n_reads)) {
                uint64_t block_number = storm->first_block + storm->n_done / storm->n_files * 2 % storm->n_blocks;
                int fd = storm->fds[storm->n_done % storm->n_files];
                ssize_t n = pread(fd, block, sizeof(block), (off_t) (block_number * BLOCK_BYTES));

                if (n >= 0 || errno != EIO) {
                        storm->error = n >= 0 ? ENODATA : errno;
                        break;
                }
                storm->n_done++;
                if (storm->pause_usec > 0)
                        (void) usleep(storm->pause_usec);
        }
        return NULL;
}

static int run(const int *fds, uint64_t n_files, uint64_t n_threads, uint64_t n_reads, uint64_t pause_usec) {
        uint64_t n_blocks, n_done = 0, began = clock_monotonic_usec();
        pthread_t threads[THREADS_MAX];
        Storm storms[THREADS_MAX];
        struct stat status;
        int r = 0;

        /* All files have the size of the first. */
        if (fstat(fds[0], &status) < 0)
                return -errno;
        /* Each thread has blocks of its own, an even number of them. */
        n_blocks = (uint64_t) status.st_size / BLOCK_BYTES / n_threads / 2 * 2;
        if (n_blocks < 4)
                return -EFBIG;

        for (uint64_t i = 0; i < n_threads; i++) {
                storms[i] = (Storm) {
                        .fds = fds,
                        .n_files = n_files,
                        .first_block = i * n_blocks,
                        .n_blocks = n_blocks,
                        .n_reads = n_reads / n_threads + (i < n_reads % n_threads),
                        .pause_usec = (useconds_t) pause_usec,
                };
                r = -pthread_create(&threads[i], NULL, storm_run, &storms[i]);
                if (r < 0)
                        return r;
        }
        for (uint64_t i = 0; i < n_threads; i++) {
                (void) pthread_join(threads[i], NULL);
                n_done += storms[i].n_done;
                if (storms[i].error != 0)
                        r = -storms[i].error;
        }
        printf("%" PRIu64 " %" PRIu64 "\n", n_done, clock_monotonic_usec() - began);
        return r;
}

int main(int argc, char *argv[]) {
        const struct sigaction action = { .sa_handler = on_terminate };
        uint64_t n_threads, n_reads, pause_usec;
        static int fds[FILES_MAX];
        int n_files = argc - 4, r;

        if (n_files < 1 || n_files > FILES_MAX || number_parse_u64(argv[1], 1, THREADS_MAX, &n_threads) < 0 ||
            number_parse_u64(argv[2], 0, READS_MAX, &n_reads) < 0 || (n_reads > 0 && n_reads < n_threads) ||
            number_parse_u64(argv[3], 0, PAUSE_MAX, &pause_usec) < 0) {
                (void) fprintf(stderr, "usage: %s THREADS READS PAUSE FILE...\n", argv[0]);
                return 2;
        }

        for (int i = 0; i < n_files; i++) {
                fds[i] = open(argv[4 + i], O_RDONLY|O_DIRECT|O_CLOEXEC);
                if (fds[i] < 0) {
                        perror(argv[4 + i]);
                        return 1;
                }
        }
        if (sigaction(SIGTERM, &action, NULL) < 0) {
                perror("sigaction");
                return 1;
        }
        r = run(fds, (uint64_t) n_files, n_threads, n_reads, pause_usec);
        if (r < 0) {
                errno = -r;
                perror("read");
        }
        return r < 0;
}
