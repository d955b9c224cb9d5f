/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-paths.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/bus/bus-paths.h"

int bus_paths_add(char ***paths, size_t *n, const char *path) {
        char **longer, *copy;

        longer = reallocarray(*paths, *n + 2, sizeof(*longer));
        if (!longer)
                return -ENOMEM;
        *paths = longer;
        longer[*n] = NULL;

        copy = strdup(path);
        if (!copy)
                return -ENOMEM;
        longer[(*n)++] = copy;
        longer[*n] = NULL;
        return 0;
}

void bus_paths_free(char **paths) {
        for (char **path = paths; path && *path; path++)
                free(*path);
        free(paths);
}
