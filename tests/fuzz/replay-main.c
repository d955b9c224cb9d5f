/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Feeds files to a fuzz target without a fuzzer, so that "make check" runs every input that was ever worth
 * keeping. Arguments are files and folders; without any, the folder that the build named (FUZZ_CORPUS).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/basic/cleanup.h"
#include "src/basic/file.h"
#include "tests/fuzz/fuzz-target.h"

/* Larger inputs are not worth keeping. */
#define INPUT_LIMIT_BYTES (1024 * 1024)

/* Returns 0 or a negative errno. */
static int replay_file(int directory_fd, const char *name) {
        _cleanup_(free_at) uint8_t *exact = NULL;
        _cleanup_(free_at) char *text = NULL;
        size_t length;
        int r;

        r = file_read(directory_fd, name, INPUT_LIMIT_BYTES, &text, &length);
        if (r < 0)
                return r;

        /* No byte more than there is, so that a sanitizer sees reading beyond the end. */
        exact = malloc(length > 0 ? length : 1);
        if (!exact)
                return -ENOMEM;
        memcpy(exact, text, length);

        printf("%s (%zu bytes)\n", name, length);
        fflush(stdout);
        (void) LLVMFuzzerTestOneInput(exact, length);
        return 0;
}

/* Adds to @n_inputs. Returns 0 or a negative errno. */
static int replay(const char *path, unsigned *n_inputs) {
        _cleanup_(closedir_at) DIR *folder = NULL;
        struct stat status;
        int r;

        if (stat(path, &status) < 0)
                return -errno;
        if (!S_ISDIR(status.st_mode)) {
                (*n_inputs)++;
                return replay_file(AT_FDCWD, path);
        }

        folder = opendir(path);
        if (!folder)
                return -errno;
        for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
                if (entry->d_name[0] == '.')
                        continue;
                r = replay_file(dirfd(folder), entry->d_name);
                if (r < 0)
                        return r;
                (*n_inputs)++;
        }

        return 0;
}

int main(int argc, char *argv[]) {
        static char corpus[] = FUZZ_CORPUS;
        char *fallback[] = { corpus };
        char **paths = argc > 1 ? argv + 1 : fallback;
        int n_paths = argc > 1 ? argc - 1 : 1;
        unsigned n_inputs = 0;

        for (int i = 0; i < n_paths; i++) {
                int r = replay(paths[i], &n_inputs);

                if (r < 0) {
                        fprintf(stderr, "%s: %s\n", paths[i], strerror(-r));
                        return EXIT_FAILURE;
                }
        }

        /* A folder that lost its files must not look like a success. */
        printf("%u inputs\n", n_inputs);
        return n_inputs > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
