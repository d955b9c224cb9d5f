/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lists of object paths, as sd-bus wants them from those who enumerate objects.
 */
#pragma once

#include <stddef.h>

#include "src/basic/cleanup.h"

/* Adds a copy. @paths is NULL-terminated and grows; @n counts. Returns 0 or -ENOMEM, then the list is as before. */
int bus_paths_add(char ***paths, size_t *n, const char *path);
void bus_paths_free(char **paths);
DEFINE_CLEANUP(char *, bus_paths_free)
