/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a repair has moved to lost+found: files that lost their place. The folder is read before and after.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "src/basic/cleanup.h"
#include "src/model/job-report.h"

#define LOST_FOUND_NAME "lost+found"

typedef struct LostFound LostFound;

/**
 * lost_found_read() - what lies there now
 * @mount_point: of the file system @device_number; another one that lies over it is not looked into
 *
 * Returns: new; NULL if it cannot be told (no memory, not to be read, too much). Where there is no such folder it is
 * empty.
 */
LostFound *lost_found_read(const char *mount_point, dev_t device_number);
LostFound *lost_found_free(LostFound *found);
DEFINE_CLEANUP(LostFound, lost_found_free)

/* Adds "moved to lost+found: NAME, NAME and 3 more" to @detail, of what lies there now and did not before; nothing if
 * there is none. Returns how many. */
size_t lost_found_describe(const LostFound *before, const LostFound *after, char detail[static JOB_DETAIL_SIZE]);
