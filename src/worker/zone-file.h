/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine's time zone as something that can be handed on: a copy in memory that nobody can change. May block: for
 * child processes only.
 */
#pragma once

#include "src/basic/zone.h"

/**
 * zone_file_copy() - copy a zone file into sealed memory
 * @path:     /etc/localtime: a zone file or a link to one
 * @ret_name: "Europe/Berlin" if the link says so, else the path
 * @ret_fd:   new; -EBADF if there is no such file, which means UTC
 *
 * Memory and not the file: a descriptor of a file keeps its mount from being unmounted.
 *
 * Returns: 0; -EFBIG beyond ZONE_FILE_MAX; -EBADMSG if it is no zone file; or another negative errno.
 */
int zone_file_copy(const char *path, char ret_name[static ZONE_NAME_SIZE], int *ret_fd);
