/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A name for an inode that cannot be loaded: its own parent pointers cannot be read, but an entry of some folder may
 * still lead to it. All folders are read from the root on, those above first, without touching what their entries lead
 * to.
 *
 * In slices of a few milliseconds, between which nothing is open, so that nobody who unmounts has to wait; and only for
 * a while. For child processes.
 */
#pragma once

#include <limits.h>
#include <stdint.h>

#include "src/basic/macro.h"

/* For all of it. */
#define NAME_SEARCH_USEC (5 * USEC_PER_SEC)
/* Folders that were seen and are not read yet. */
#define NAME_SEARCH_FOLDERS_MAX 65536

typedef struct NameSearch {
        uint64_t inode;
        uint64_t budget_usec;           /* looked at between slices */
        uint64_t slice_usec;            /* each does something at least */
        /* The root, anew for each slice; a negative errno ends the search. */
        int (*open_root)(void *userdata);
        void *userdata;
} NameSearch;

/**
 * name_search() - the first name that is found
 * @ret_path: from the root of the file system on ("/folder/file")
 *
 * A folder that cannot be read is passed over, and so is one whose path does not fit into PATH_MAX.
 *
 * Returns: 0; -ENOENT: no folder that can be read has it; -ETIME: not within the budget; -ENOBUFS: more folders than
 * are remembered, and not in those; -ENOMEM; or what @open_root returned.
 */
int name_search(const NameSearch *search, char ret_path[static PATH_MAX]);
